package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/template"
)

func (p *program) templatePublish() *cobra.Command {
	var wanted client.NewVersion
	var image, imageName string
	var generalise, generalised bool
	cmd := &cobra.Command{
		Use: "publish NAME (--image IMAGE | --vm VM)", Short: "Publish an image, or the disk that a VM boots from, as a new version",
		Args: takes("the template's name"), ValidArgsFunction: p.completeOne(p.templateNames),
		Example: "  novacron template publish web --image debian-12 --cpus 2 --memory 1GiB --promote\n" +
			"  novacron template publish web --vm golden --generalise",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&image, "image", "", "image to publish (name or ID)")
	cmd.Flags().StringVar(&wanted.VM, "vm", "", "VM whose boot disk is to be published; it is off, or --generalise switches it off")
	cmd.Flags().StringVar(&imageName, "image-name", "", "with --vm: name of the image that the disk becomes")
	cmd.Flags().BoolVar(&generalise, "generalise", false, "with --vm: have the running guest forget who it is first (machine ID, SSH host keys, cloud-init)")
	cmd.Flags().BoolVar(&generalised, "generalised", false, "note that the disk holds no machine's identity")
	cmd.Flags().BoolVar(&wanted.Promote, "promote", false, "make it the current version at once")
	cmd.Flags().StringVar(&wanted.Notes, "notes", "", "what is new in this version")
	cmd.Flags().StringVar(&wanted.Description, "description", "", "what the template is for")
	cmd.Flags().IntVar(&wanted.CPUs, "cpus", 0, "virtual CPUs of VMs that are not asked for a number")
	readingFlag(cmd.Flags(), &wanted.MemoryBytes, "memory", "", "SIZE", "memory of VMs that are not asked for an amount", parseSize)
	readingFlag(cmd.Flags(), &wanted.DiskBytes, "disk", "", "SIZE", "disk of VMs that are not asked for a size", parseSize)
	cmd.Flags().StringVar(&wanted.Network, "network", "", "network (name or ID) of VMs that are not asked for one")
	cmd.Flags().BoolVar(&wanted.Public, "public", false, "for every project; administrators only")
	p.completeFlag(cmd, "image", p.imageNames)
	p.completeFlag(cmd, "vm", p.vmNames)
	p.completeFlag(cmd, "network", p.networkNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wanted.Name = args[0]
		switch {
		case (image == "") == (wanted.VM == ""):
			return usage(cmd, "say what to publish: either --image or --vm")
		case wanted.VM == "" && (generalise || imageName != ""):
			return usage(cmd, "--generalise and --image-name go with --vm")
		case generalise && generalised:
			return usage(cmd, "--generalise and --generalised exclude each other")
		case generalise:
			wanted.Generalised = template.ByAgent
		case generalised:
			wanted.Generalised = template.Declared
		}
		if wanted.VM == "" {
			wanted.Image = image
			return p.publishImage(cmd, flags, wanted)
		}
		wanted.Image = imageName
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.PublishVM(ctx, wanted, how)
		}, whatWasPublished)
	}
	return cmd
}

func (p *program) publishImage(cmd *cobra.Command, flags *changing, wanted client.NewVersion) error {
	connected, err := p.connect()
	if err != nil {
		return err
	}
	changed, err := connected.PublishTemplate(cmd.Context(), wanted, flags.how())
	if err != nil {
		return err
	}
	return done(cmd.Context(), p, connected, changed, "Version %s is %s.", changed.Value.Label(), changed.Value.State)
}

func whatWasPublished(_ context.Context, _ *client.Client, ended operation.Operation) string {
	made, ok := resultOf[struct {
		Name   string         `json:"name"`
		Number int            `json:"number"`
		State  template.State `json:"state"`
	}](ended)
	if !ok {
		return fmt.Sprintf("The disk of VM %s is published.", ended.Subject.Name)
	}
	return fmt.Sprintf("Version %s is %s, made of the disk of VM %s, which is off.", template.Label(made.Name, made.Number), made.State, ended.Subject.Name)
}
