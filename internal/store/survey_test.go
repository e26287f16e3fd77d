package store_test

import (
	"fmt"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

func TestSurvey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.addVM("web")
	w.addVM("db")
	_, err := w.Accept(t.Context(), w.provisioning("new"))
	must(t, err)
	_, err = w.Accept(t.Context(), w.on(operation.Stop, web))
	must(t, err)
	found, err := w.Survey(t.Context(), w.project)
	must(t, err)
	equal(t, "VMs", fmt.Sprint(found.VMs), "map[provisioning:1 running:2]")
	equal(t, "operations", fmt.Sprint(found.Operations), "[{provision accepted 1} {stop accepted 1}]")
	none, err := w.Survey(t.Context(), "prj_other")
	must(t, err)
	equal(t, "of another project", fmt.Sprint(len(none.VMs), none.Operations), "0 []")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.addVM("web")
	w.addVM("myweb")
	taken := w.addBackup(web, "")
	search := func(project id.Project, text string) string {
		t.Helper()
		hits, err := w.Search(t.Context(), project, text, 2)
		must(t, err)
		found := ""
		for _, hit := range hits {
			found += hit.Kind + ":" + hit.Name + ":" + hit.State + " "
		}
		return found
	}
	equal(t, "part of a name", search(w.project, "WEB"),
		"vm:web:running vm:myweb:running operation:backup web:succeeded operation:provision web:succeeded backup:web:ready ")
	equal(t, "beginning of an ID", search(w.project, string(taken.ID)[:20]), "backup:web:ready ")
	equal(t, "host", search(w.project, "h1"), "host:h1: ")
	equal(t, "image", search("", "tin"), "image:tiny:qcow2 ")
	equal(t, "of another project", search("prj_other", "web"), "")
	equal(t, "nothing", search(w.project, ""), "")
	_, err := w.Search(t.Context(), w.project, "web", store.MaxPage+1)
	wantFault(t, err, fault.KindInvalid)
}

func TestUnarchivedOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addVM("web")
	found, err := w.UnarchivedOperations(t.Context(), 0)
	must(t, err)
	equal(t, "operations", len(found), 1)
	must(t, w.SaveTimeline(t.Context(), found[0].ID, []byte("{}")))
	found, err = w.UnarchivedOperations(t.Context(), 0)
	must(t, err)
	equal(t, "once archived", len(found), 0)
	_, err = w.UnarchivedOperations(t.Context(), -1)
	wantFault(t, err, fault.KindInvalid)
}
