package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
)

func (w *world) publication(name string) store.Publication {
	return store.Publication{
		Template: id.New[id.Template](), Project: w.project, Version: template.Version{
			ID: id.New[id.TemplateVersion](), Name: name, Image: w.image, Generalised: template.Declared, Notes: "first", PublishedBy: "admin",
			Defaults: template.Defaults{CPUs: 2, Network: w.network},
		},
	}
}

func (w *world) publish(name string, promote bool) template.Version {
	w.t.Helper()
	wanted := w.publication(name)
	wanted.Promote = promote
	made, err := w.PublishTemplate(w.t.Context(), wanted)
	must(w.t, err)
	return made
}

// words puts a space between all values, which fmt.Sprint does not between texts.
func words(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }

// from is a request that makes a VM from a version.
func (w *world) from(version template.Version, name string) store.Acceptance {
	request := w.provisioning(name)
	request.NewVM.Template = vm.Origin{Template: version.Template, Version: version.ID, Label: version.Label()}
	return request
}

func TestPublishTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	wanted := w.publication("web")
	wanted.Description = "web servers"
	first, err := w.PublishTemplate(ctx, wanted)
	must(t, err)
	equal(t, "first", words(first.Label(), first.State, first.ImageName, first.ImageBytes, first.Defaults, first.Template == wanted.Template),
		words("web:1", template.Published, "tiny", gib, template.Defaults{CPUs: 2, Network: w.network}, true))
	again, err := w.PublishTemplate(ctx, wanted)
	must(t, err)
	equal(t, "the same again", again.Label(), "web:1")
	second := w.publish("web", true)
	equal(t, "second", words(second.Label(), second.State), "web:2 current")
	third := w.publish("web", true)
	line, err := w.GetTemplate(ctx, w.project, "web")
	must(t, err)
	equal(t, "the line", words(line.ID == wanted.Template, line.Current, line.Versions, line.VMs, line.Description), "true 3 3 0 web servers")
	all, err := w.TemplateVersions(ctx, line.ID)
	must(t, err)
	equal(t, "its versions", words(all[0].Label(), all[0].State, all[1].State, all[2].State), "web:3 current published published")

	_, err = w.ChangeTemplateVersion(ctx, third, template.Promote, "eve")
	wantFault(t, err, fault.KindConflict, "web:3 is current already")
	promoted, err := w.ChangeTemplateVersion(ctx, first, template.Promote, "eve")
	must(t, err)
	equal(t, "promoted", words(promoted.State, promoted.ChangedBy, promoted.PublishedBy), "current eve admin")
	deprecated, err := w.ChangeTemplateVersion(ctx, third, template.Deprecate, "eve")
	must(t, err)
	equal(t, "deprecated", deprecated.State, template.Deprecated)
	types := typesOf(w.happened())
	equal(t, "events", types[len(types)-len(" template.promoted template.deprecated"):], " template.promoted template.deprecated")

	_, err = w.FindTemplateVersion(ctx, line, 9)
	wantFault(t, err, fault.KindNotFound, "no version 9")
	_, err = w.GetTemplate(ctx, w.project, "nope")
	wantFault(t, err, fault.KindNotFound, "template list")
	bad := w.publication("Web")
	_, err = w.PublishTemplate(ctx, bad)
	wantFault(t, err, fault.KindInvalid)
	lost := w.publication("web")
	lost.Version.Image = "img_gone"
	_, err = w.PublishTemplate(ctx, lost)
	wantFault(t, err, fault.KindNotFound, "image")
}

// A number is never used twice, and of many who publish at once each gets one of its own; one of them ends as the current.
func TestPublishAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			wanted := w.publication("web")
			wanted.Promote = true
			if _, err := w.PublishTemplate(ctx, wanted); err != nil {
				t.Error(explained(err))
			}
		})
	}
	group.Wait()
	line, err := w.GetTemplate(ctx, w.project, "web")
	must(t, err)
	equal(t, "versions", line.Versions, 8)
	last, err := w.FindTemplateVersion(ctx, line, 8)
	must(t, err)
	if last.State != template.Current {
		_, err = w.ChangeTemplateVersion(ctx, last, template.Promote, "admin")
		must(t, err)
	}
	_, err = w.ChangeTemplateVersion(ctx, last, template.Withdraw, "admin")
	must(t, err)
	_, err = w.ChangeTemplateVersion(ctx, last, template.Delete, "admin")
	must(t, err)
	equal(t, "the next", w.publish("web", false).Label(), "web:9")
}

func TestVMsOfTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first, second := w.publish("web", true), w.publish("web", false)
	accepted, err := w.Accept(ctx, w.from(first, "a"))
	must(t, err)
	equal(t, "where it came from", fmt.Sprint(accepted.VM.Template), fmt.Sprint(vm.Origin{Template: first.Template, Version: first.ID, Label: "web:1"}))
	w.addVM("other")
	for _, c := range []struct {
		filter store.VMFilter
		want   int
	}{{store.VMFilter{Template: first.Template}, 1}, {store.VMFilter{Version: first.ID}, 1}, {store.VMFilter{Version: second.ID}, 0}, {store.VMFilter{}, 2}} {
		found, _, err := w.ListVMs(ctx, c.filter)
		must(t, err)
		equal(t, fmt.Sprintf("VMs of %+v", c.filter), len(found), c.want)
	}
	line, err := w.GetTemplate(ctx, w.project, "web")
	must(t, err)
	equal(t, "VMs", line.VMs, 1)
	_, err = w.ChangeTemplateVersion(ctx, first, template.Delete, "admin")
	wantFault(t, err, fault.KindConflict, "withdraw it first")
	_, err = w.ChangeTemplateVersion(ctx, first, template.Withdraw, "admin")
	must(t, err)
	_, err = w.ChangeTemplateVersion(ctx, first, template.Delete, "admin")
	wantFault(t, err, fault.KindConflict, "1 VMs were made from")
	wantFault(t, w.DeleteTemplate(ctx, line.ID), fault.KindConflict, "VMs were made")
	_, err = w.Accept(ctx, w.from(first, "b"))
	wantFault(t, err, fault.KindConflict, "web:1 is withdrawn")
	wantField(t, err, "template")

	must(t, w.DeleteVM(ctx, accepted.VM.ID))
	_, err = w.ChangeTemplateVersion(ctx, first, template.Delete, "admin")
	must(t, err)
	_, err = w.Accept(ctx, w.from(first, "b"))
	wantFault(t, err, fault.KindNotFound, "deleted just now")
	must(t, w.DeleteTemplate(ctx, line.ID))
	wantFault(t, w.DeleteTemplate(ctx, line.ID), fault.KindNotFound)
	equal(t, "versions left", w.count("template_versions"), 0)
}

// An image stays as long as a version that VMs can be made from needs it, and may go from under one that is withdrawn.
func TestImagesOfTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	made := w.publish("web", true)
	found, err := w.GetImage(ctx, w.project, "tiny")
	must(t, err)
	equal(t, "templates of the image", fmt.Sprint(found.Templates), "[web:1]")
	wantFault(t, w.DeleteImage(ctx, w.image), fault.KindConflict, "withdraw them first")
	_, err = w.ChangeTemplateVersion(ctx, made, template.Withdraw, "admin")
	must(t, err)
	found, err = w.GetImage(ctx, w.project, "tiny")
	must(t, err)
	equal(t, "templates of the image", len(found.Templates), 0)
	must(t, w.DeleteImage(ctx, w.image))
	all, err := w.TemplateVersions(ctx, made.Template)
	must(t, err)
	equal(t, "the version", words(all[0].State, all[0].Image, all[0].ImageBytes), "withdrawn  0")
}

// Whoever withdraws a version and whoever makes a VM from it at the same moment do not both get what they want.
func TestWithdrawWhileVMsAreMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for round := range 10 {
		made := w.publish(fmt.Sprintf("web-%d", round), true)
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := w.Accept(ctx, w.from(made, fmt.Sprintf("vm-%d", round))); err != nil && !fault.Is(err, fault.KindConflict) {
				t.Error(explained(err))
			}
		})
		var withdrawn template.Version
		group.Go(func() {
			var err error
			if withdrawn, err = w.ChangeTemplateVersion(ctx, made, template.Withdraw, "admin"); err != nil {
				t.Error(explained(err))
			}
		})
		group.Wait()
		equal(t, "state", withdrawn.State, template.Withdrawn)
		_, err := w.Accept(ctx, w.from(made, fmt.Sprintf("late-%d", round)))
		wantFault(t, err, fault.KindConflict, "withdrawn")
	}
}

func TestTemplatesOfProjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.exec("insert into projects (id, name) values ('prj_other', 'other')")
	own := w.publish("web", false)
	everyones := w.publication("web")
	everyones.Project = ""
	public, err := w.PublishTemplate(ctx, everyones)
	must(t, err)
	found, err := w.GetTemplate(ctx, w.project, "web")
	must(t, err)
	equal(t, "the project's own comes first", found.ID, own.Template)
	found, err = w.GetTemplate(ctx, "prj_other", "web")
	must(t, err)
	equal(t, "everyone's", found.ID, public.Template)
	_, err = w.GetTemplate(ctx, "prj_other", string(own.Template))
	wantFault(t, err, fault.KindNotFound)
	_, err = w.GetTemplate(ctx, "", "web")
	wantFault(t, err, fault.KindConflict, "several projects")
	listed, err := w.ListTemplates(ctx, "prj_other")
	must(t, err)
	equal(t, "listed", len(listed), 1)
}
