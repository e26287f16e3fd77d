package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

func (p *program) imageImport() *cobra.Command {
	var wanted client.Import
	cmd := &cobra.Command{
		Use: "import FILE|URL --name NAME", Short: "Import a disk image: qcow2, raw, vmdk, vhdx, vdi, vhd or ova", Args: takes("the file or URL"),
		Long: "A file is sent to the server; what broke off goes on by itself, or when the command is run again. From a URL that begins with http:// or https:// the server downloads the image itself,\n" +
			"as an operation that is waited for. What is neither qcow2 nor raw is converted to qcow2.",
		Example: "  novacron image import debian-12.qcow2 --name debian-12\n  novacron image import https://images.example.org/debian-12.qcow2 --name debian-12",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&wanted.Name, "name", "", "the image's name")
	cmd.Flags().StringVar(&wanted.SHA256, "sha256", "", "SHA-256 of the file; one that has another is refused")
	cmd.Flags().BoolVar(&wanted.Public, "public", false, "for every project (administrators only)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wanted.Name == "" {
			return usage(cmd, "--name is missing")
		}
		if strings.HasPrefix(args[0], "http://") || strings.HasPrefix(args[0], "https://") {
			return p.importFromURL(cmd, flags, client.ImportFromURL{Name: wanted.Name, URL: args[0], SHA256: wanted.SHA256, Public: wanted.Public})
		}
		return p.importFile(cmd, flags, args[0], wanted)
	}
	return cmd
}

func (p *program) importFromURL(cmd *cobra.Command, flags *changing, wanted client.ImportFromURL) error {
	return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
		return c.ImportImageFromURL(ctx, wanted, how)
	}, func(ctx context.Context, c *client.Client, ended operation.Operation) string {
		made, err := c.Image(ctx, ended.Subject.ID)
		if err != nil {
			return fmt.Sprintf("Image %s is there.", ended.Subject.Name)
		}
		return fmt.Sprintf("Image %s is there: %s, a disk of %s.", made.Name, made.Format, size(made.VirtualBytes))
	})
}

func (p *program) importFile(cmd *cobra.Command, flags *changing, path string, wanted client.Import) error {
	file, err := os.Open(path)
	if err != nil {
		return usage(cmd, "the file cannot be read: %v", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return usage(cmd, "%s is not a file", path)
	}
	connected, err := p.connect()
	if err != nil {
		return err
	}
	sending := &sender{p: p, to: connected, file: file, size: info.Size(), wanted: wanted}
	made, err := sending.send(cmd.Context(), flags.how())
	if err != nil {
		return err
	}
	return done(cmd.Context(), p, connected, made, "Image %s is there: %s, a disk of %s.", made.Value.Name, made.Value.Format, size(made.Value.VirtualBytes))
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

// meter shows at a terminal how much has been read, and what follows when that is all, until the function it returns is
// called.
func (p *program) meter(what, then string, from *counted, total int64) (finish func()) {
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
				text += then
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
