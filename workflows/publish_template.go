package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
)

// PublishTemplate makes a version of a template of a VM's boot disk: the guest forgets who it is if that was asked, the disk
// is read at rest, kept as an image, and the image is published. The VM is off afterwards.
func PublishTemplate(ctx workflow.Context, task Task[operation.PublishTemplateRequest]) error {
	return perform(ctx, task.header(), publishTemplateSteps, &publication{request: task.Request, by: task.Actor}, (*publication).result)
}

type publication struct {
	seat
	request   operation.PublishTemplateRequest
	by        string
	plan      control.PublicationPlan
	forgotten host.Forgotten
	bytes     host.DiskBytes
	made      template.Version
}

// PublishTemplateResult is the version that was made.
type PublishTemplateResult struct {
	Template  id.Template        `json:"template_id"`
	Version   id.TemplateVersion `json:"version_id"`
	Name      string             `json:"name"`
	Number    int                `json:"number"`
	State     template.State     `json:"state"`
	Image     id.Image           `json:"image_id"`
	SHA256    string             `json:"sha256"`
	SizeBytes int64              `json:"size_bytes"`
	Forgotten []string           `json:"forgotten,omitempty"`
}

func (p *publication) result() any {
	return PublishTemplateResult{
		Template: p.made.Template, Version: p.made.ID, Name: p.made.Name, Number: p.made.Number, State: p.made.State, Image: p.made.Image,
		SHA256: p.bytes.SHA256, SizeBytes: p.bytes.SizeBytes, Forgotten: p.made.Forgotten,
	}
}

var publishTemplateSteps = []step[publication]{
	{name: "read", title: "Read the VM and the disk that it boots from", do: (*publication).read},
	// It is not taken back: whoever starts the guest next has it make itself an identity, the undo of the next step too.
	{name: "forget_identity", title: "Have the guest forget who it is", do: (*publication).forgetIdentity, needless: (*publication).asItIs},
	{
		name: "switch_off", title: "Switch the VM off", do: (*publication).switchOff, needless: (*publication).asItIs,
		undo: (*publication).switchOn, undoes: "Start the VM again, whose guest makes itself a new identity", leak: (*publication).domainLeak,
	},
	{name: "digest", title: "Read the disk and work out its checksum", do: (*publication).digest},
	{
		name: "keep", title: "Send the disk to the image store", do: (*publication).keep,
		undo: (*publication).discard, undoes: "Remove the image, and its bytes if no other image has them", leak: (*publication).imageLeak,
	},
	{name: "publish", title: "Publish the version", do: (*publication).publish, noReturn: true},
}

func (p *publication) read(ctx workflow.Context) (err error) {
	p.plan, err = atControl[control.PublicationPlan](ctx, toControl.PlanPublication, p.request)
	p.machine, p.at = p.plan.Machine, p.plan.Machine.VM.Host
	return err
}

// asItIs is true if nobody asked that the guest forget anything.
func (p *publication) asItIs() bool { return p.request.Generalised != template.ByAgent }

func (p *publication) forgetIdentity(ctx workflow.Context) (err error) {
	p.forgotten, err = atHost[host.Forgotten](ctx, p.at, toHost.ForgetIdentity, host.MachineRequest{On: p.on(), VM: p.request.VM})
	return err
}

func (p *publication) switchOff(ctx workflow.Context) error {
	if err := p.shutdown(ctx, defaultGrace); err != nil {
		return err
	}
	if err := p.powerOff(ctx); err != nil {
		return err
	}
	return p.commitStopped(ctx)
}

func (p *publication) switchOn(ctx workflow.Context) error {
	seen, err := p.inspect(ctx)
	if err != nil {
		return err
	}
	if !seen.Runs() {
		if err := p.startAgain(ctx); err != nil {
			return err
		}
	}
	return p.recordState(ctx, vm.Running)
}

func (p *publication) startAgain(ctx workflow.Context) error {
	if err := p.connect(ctx); err != nil {
		return err
	}
	if err := p.define(ctx); err != nil {
		return err
	}
	return p.powerOn(ctx)
}

func (p *publication) disk() host.ReadDiskRequest {
	return host.ReadDiskRequest{On: p.on(), Pool: p.plan.Disk.Pool, Volume: p.plan.Disk.ID, Image: p.request.Image, Bytes: p.bytes}
}

func (p *publication) digest(ctx workflow.Context) (err error) {
	p.bytes, err = atHost[host.DiskBytes](ctx, p.at, toHost.DigestDisk, p.disk())
	return err
}

func (p *publication) keep(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, p.at, toHost.SendDisk, p.disk())
	return err
}

func (p *publication) discard(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.DiscardDiskImage, control.DiskImage{Image: p.request.Image, SHA256: p.bytes.SHA256})
	return err
}

func (p *publication) imageLeak() operation.Leak {
	return operation.Leak{Kind: "image", ID: string(p.request.Image)}
}

func (p *publication) publish(ctx workflow.Context) (err error) {
	p.made, err = atControl[template.Version](ctx, toControl.PublishTemplate, control.Publication{
		Operation: runOf(ctx).operation, By: p.by, Request: p.request, Forgotten: p.forgotten.What, Source: p.machine.VM.Name,
	})
	return err
}
