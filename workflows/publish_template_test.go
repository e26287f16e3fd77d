package workflows

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
)

// keepImage does what the API does with an image that a host sends.
func (w *world) keepImage(ctx context.Context, wanted id.Image, bytes host.DiskBytes, content io.Reader) error {
	if _, err := w.store.GetImage(ctx, "", string(wanted)); err == nil {
		return nil
	}
	holder, err := w.store.HolderOf(ctx, string(wanted))
	if err != nil {
		return err
	}
	var asked operation.PublishTemplateRequest
	if err := json.Unmarshal(holder.Request, &asked); err != nil {
		return err
	}
	place, err := w.control.Images.NewPlace()
	if err != nil {
		return err
	}
	defer func() { _ = place.Remove() }()
	sum, err := w.control.Images.Receive(place, 0, content)
	if err != nil {
		return err
	}
	if sum != bytes.SHA256 {
		return fault.Invalid("the bytes have the SHA-256 %s, not %s", sum, bytes.SHA256)
	}
	ready, err := w.control.Images.Prepare(ctx, place, sum)
	if err == nil {
		_, _, err = w.control.Images.Keep(ctx, imagestore.Wanted{ID: wanted, Project: asked.Project, Name: asked.ImageName}, ready)
	}
	return err
}

// publishing publishes the disk of a VM in that state; the guest of a running one is asked to forget who it is.
func publishing(state vm.State, pool string) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("golden", pool, w.hosts[0])
		w.writeTo(machine, 1<<20, 7)
		how := template.Declared
		if state == vm.Stopped {
			w.stop(machine)
		} else {
			how = template.ByAgent
			w.hosts[0].driver.OnRun(machine.ID, func(program string, args []string) hypervisor.RunResult {
				if program != "/bin/sh" || len(args) != 2 || !strings.Contains(args[1], "/etc/machine-id") {
					return hypervisor.RunResult{ExitCode: 127, Output: program}
				}
				return hypervisor.RunResult{Output: "machine_id\ncloud_init\n"}
			})
		}
		return w.acceptPublication(machine, how)
	}
}

func (w *world) acceptPublication(machine vm.VM, how template.Generalised) operation.Operation {
	w.t.Helper()
	request := operation.PublishTemplateRequest{
		Template: id.New[id.Template](), Version: id.New[id.TemplateVersion](), Project: w.project.ID, Name: "web", Generalised: how, Promote: true,
		Defaults: template.Defaults{CPUs: 2}, VM: machine.ID, Image: id.New[id.Image](), ImageName: "web-disk",
	}
	return w.accept(operation.PublishTemplate, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, request,
		store.Acceptance{Claims: []string{string(machine.ID), string(request.Image)}})
}

// published wants a current version whose image holds what the VM wrote, and the VM off.
func published(how template.Generalised, forgotten string) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		ctx := w.t.Context()
		stateIs(vm.Stopped)(w, of)
		line, err := w.store.GetTemplate(ctx, w.project.ID, "web")
		must(w.t, err)
		made, err := w.store.FindTemplateVersion(ctx, line, 1)
		must(w.t, err)
		if line.Versions != 1 || made.State != template.Current || made.Generalised != how || strings.Join(made.Forgotten, " ") != forgotten ||
			made.Source != id.VM(of.Subject.ID) || made.SourceName != "golden" || made.PublishedBy != "test" || made.Defaults.CPUs != 2 {
			w.t.Errorf("the version is %+v of %+v", made, line)
		}
		kept, err := w.store.GetImage(ctx, "", string(made.Image))
		must(w.t, err)
		disk := w.rawOf(kept)
		if kept.Format != "qcow2" || len(disk) != 4<<20 || string(disk[1<<20:1<<20+len(written(7))]) != string(written(7)) {
			w.t.Errorf("image %+v with a disk of %d bytes is not the VM's", kept, len(disk))
		}
	}
}

// rawOf reads an image as qemu-img does.
func (w *world) rawOf(of image.Image) []byte {
	w.t.Helper()
	content, err := w.control.Images.Open(w.t.Context(), of, 0)
	must(w.t, err)
	defer content.Close()
	file, err := io.ReadAll(content)
	must(w.t, err)
	dir := w.t.TempDir()
	from, to := filepath.Join(dir, "disk.qcow2"), filepath.Join(dir, "disk.raw")
	must(w.t, os.WriteFile(from, file, 0o600))
	if output, err := exec.Command("qemu-img", "convert", "-f", "qcow2", "-O", "raw", from, to).CombinedOutput(); err != nil {
		w.t.Fatalf("qemu-img (package qemu-utils): %v %s", err, output)
	}
	disk, err := os.ReadFile(to)
	must(w.t, err)
	return disk
}

func TestPublicationFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*world, vm.VM)
		says    string
		state   vm.State // of the VM afterwards
	}{
		"a guest whose shell fails": {func(w *world, machine vm.VM) {
			w.hosts[0].driver.OnRun(machine.ID, func(string, []string) hypervisor.RunResult {
				return hypervisor.RunResult{ExitCode: 2, Output: "read-only file system"}
			})
		}, "read-only file system", vm.Running},
		"an image that is too large": {func(w *world, machine vm.VM) {
			w.control.Images = imagestore.New(imagestore.Config{Inventory: w.store, Objects: w.objects, Spool: w.spool, MaxBytes: 1 << 16})
		}, "larger than", vm.Running},
		"a guest whose agent is silent": {func(w *world, machine vm.VM) { w.hosts[0].driver.SilenceAgent(machine.ID, true) }, "does not answer", vm.Running},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			machine := w.provision("golden", "local", w.hosts[0])
			w.writeTo(machine, 1<<20, 7)
			c.prepare(w, machine)
			ended := w.run(w.acceptPublication(machine, template.ByAgent))
			if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, c.says) {
				t.Errorf("%s: %+v should say %q", ended.State, ended.Error, c.says)
			}
			stateIs(c.state)(w, ended)
			if lines, err := w.store.ListTemplates(t.Context(), ""); err != nil || len(lines) != 0 {
				t.Errorf("lines: %+v, %v", lines, err)
			}
			w.check(name)
		})
	}
}
