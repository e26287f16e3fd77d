package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) imageCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "image", Short: "Disk images that VMs are made from", Aliases: []string{"images"}}
	cmd.AddCommand(p.imageList(), p.imageShow(), p.imageImport(), p.imageExport(), p.imageDelete())
	return cmd
}

func (p *program) imageList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List images", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Images(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{each.Name, each.Format, size(each.SizeBytes), size(each.VirtualBytes), fmt.Sprint(each.VMs), yes(each.Project == ""), p.ago(each.CreatedAt)})
			}
			return p.table(found, []column{left("name"), left("format"), right("file"), right("disk"), right("vms"), left("public"), left("imported")}, rows,
				"There are no images. Import one with: novacron image import FILE --name NAME")
		},
	}
}

func (p *program) imageShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show an image", Args: takes("the image's name"), ValidArgsFunction: p.completeOne(p.imageNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Image(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.show(found, facts{
				{"Name", found.Name}, {"ID", string(found.ID)}, {"Format", found.Format}, {"Came as", found.SourceFormat}, {"File", size(found.SizeBytes)}, {"Disk", size(found.VirtualBytes)},
				{"SHA-256", found.SHA256}, {"VMs", fmt.Sprint(found.VMs)}, {"Templates", strings.Join(found.Templates, " ")}, {"Public", yes(found.Project == "")}, {"Imported", p.exact(found.CreatedAt)},
			})
		},
	}
}

func (p *program) imageDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete an image that no VM stands on and no template needs", Aliases: []string{"rm"}, Args: takes("the image's name"),
		ValidArgsFunction: p.completeOne(p.imageNames),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.DeleteImage(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Image %s is gone.", args[0])
	}
	return cmd
}
