package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

func (p *program) imageCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "image", Short: "Disk images that VMs are made from", Aliases: []string{"images"}}
	cmd.AddCommand(p.imageList(), p.imageShow(), p.imageImport(), p.imageDelete())
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
				{"Name", found.Name}, {"ID", string(found.ID)}, {"Format", found.Format}, {"File", size(found.SizeBytes)}, {"Disk", size(found.VirtualBytes)},
				{"SHA-256", found.SHA256}, {"VMs", fmt.Sprint(found.VMs)}, {"Public", yes(found.Project == "")}, {"Imported", p.exact(found.CreatedAt)},
			})
		},
	}
}

func (p *program) imageImport() *cobra.Command {
	var wanted client.Import
	cmd := &cobra.Command{
		Use: "import FILE --name NAME", Short: "Import a qcow2 or raw disk image", Args: takes("the file"),
		Example: "  novacron image import debian-12.qcow2 --name debian-12",
	}
	flags := changes(cmd)
	cmd.Flags().StringVar(&wanted.Name, "name", "", "the image's name")
	cmd.Flags().BoolVar(&wanted.Public, "public", false, "for every project (administrators only)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wanted.Name == "" {
			return usage(cmd, "--name is missing")
		}
		file, err := os.Open(args[0])
		if err != nil {
			return usage(cmd, "the file cannot be read: %v", err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return usage(cmd, "%s is not a file", args[0])
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		wanted.Size = info.Size()
		sending := &counted{from: file}
		finish := p.meter("sending "+wanted.Name, sending, wanted.Size)
		made, err := connected.ImportImage(cmd.Context(), wanted, sending, flags.how())
		finish()
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, made, "Image %s is there: %s, a disk of %s.", made.Value.Name, made.Value.Format, size(made.Value.VirtualBytes))
	}
	return cmd
}

// counted counts what is read through it.
type counted struct {
	from io.Reader
	done atomic.Int64
}

// Read reads and counts.
func (c *counted) Read(buffer []byte) (int, error) {
	n, err := c.from.Read(buffer)
	c.done.Add(int64(n))
	return n, err
}

const meterEvery = 200 * time.Millisecond

// meter shows at a terminal how much has been read, until the function it returns is called.
func (p *program) meter(what string, from *counted, total int64) (finish func()) {
	if !p.live || p.output == "json" {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(meterEvery)
		defer ticker.Stop()
		for {
			progress := operation.Progress{Done: from.done.Load(), Total: total, Unit: "bytes"}
			text := what + " " + progressLine(progress)
			if progress.Done >= total {
				text += ", being checked"
			}
			columns, _ := p.screen()
			fmt.Fprintf(p.err, "\r\x1b[K%s", cut(text, columns-1))
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		fmt.Fprint(p.err, "\r\x1b[K")
	}
}

func (p *program) imageDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete an image that no VM stands on", Aliases: []string{"rm"}, Args: takes("the image's name"),
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
