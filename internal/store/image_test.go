package store_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
)

func newImage(project id.Project, name string) image.Image {
	return image.Image{ID: id.New[id.Image](), Project: project, Name: name, Format: "raw", SHA256: "cd", SizeBytes: 1, VirtualBytes: 1}
}

func TestImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.exec("insert into projects (id, name) values ('prj_other', 'other')")
	own, theirs := newImage(w.project, "tiny"), newImage("prj_other", "secret")
	must(t, w.InsertImage(ctx, own))
	must(t, w.InsertImage(ctx, theirs))

	found, err := w.GetImage(ctx, w.project, "tiny")
	must(t, err)
	equal(t, "the project's own comes first", found.ID, own.ID)
	found, err = w.GetImage(ctx, "prj_other", "tiny")
	must(t, err)
	equal(t, "everyone's", found.ID, w.image)
	_, err = w.GetImage(ctx, "", "tiny")
	wantFault(t, err, fault.KindConflict, "several projects")
	_, err = w.GetImage(ctx, w.project, string(theirs.ID))
	wantFault(t, err, fault.KindNotFound, "novacron image list")
	listed, err := w.ListImages(ctx, w.project)
	must(t, err)
	equal(t, "listed", len(listed), 2)
	err = w.InsertImage(ctx, newImage("", "tiny"))
	wantFault(t, err, fault.KindConflict, "named tiny")
	wantField(t, err, "name")
	wantFault(t, w.InsertImage(ctx, newImage("", "Tiny")), fault.KindInvalid)
	empty := newImage("", "empty")
	empty.SizeBytes = 0
	wantFault(t, w.InsertImage(ctx, empty), fault.KindInvalid)
}

func TestDeleteImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	found, err := w.GetImage(ctx, "", "tiny")
	must(t, err)
	equal(t, "VMs on it", found.VMs, 1)
	wantFault(t, w.DeleteImage(ctx, w.image), fault.KindConflict, "delete those VMs first")
	must(t, w.DeleteVM(ctx, machine.ID))
	must(t, w.DeleteImage(ctx, w.image))
	wantFault(t, w.DeleteImage(ctx, w.image), fault.KindNotFound)
}

func TestNetworksAndProjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, ref := range []string{"default", string(w.network)} {
		found, err := w.GetNetwork(ctx, w.project, ref)
		must(t, err)
		equal(t, "network", fmt.Sprint(found.ID, found.Range, found.VNI, found.MTU), fmt.Sprint(w.network, netip.MustParsePrefix("10.90.0.0/16"), 100, 1450))
	}
	listed, err := w.ListNetworks(ctx, w.project)
	must(t, err)
	equal(t, "networks", len(listed), 1)
	_, err = w.GetNetwork(ctx, w.project, "lan")
	wantFault(t, err, fault.KindNotFound, "lan")
	w.exec("insert into networks (id, project_id, name, vni, range, free_from) values ('net_own', $1, 'default', 8, '10.2.0.0/24', '10.2.0.2')", w.project)
	own, err := w.GetNetwork(ctx, w.project, "default")
	must(t, err)
	equal(t, "the project's own comes first", own.ID, "net_own")
	_, err = w.GetNetwork(ctx, "", "default")
	wantFault(t, err, fault.KindConflict, "several projects")

	for _, ref := range []string{"default", string(w.project)} {
		found, err := w.GetProject(ctx, ref)
		must(t, err)
		equal(t, "project", found.ID, w.project)
	}
	_, err = w.GetProject(ctx, "none")
	wantFault(t, err, fault.KindNotFound, "none")
	projects, err := w.ListProjects(ctx)
	must(t, err)
	equal(t, "projects", len(projects), 1)
}
