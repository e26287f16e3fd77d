package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
)

func (p *program) imageExport() *cobra.Command {
	var format string
	var force bool
	cmd := &cobra.Command{
		Use: "export NAME FILE", Short: "Save an image to a file, as it is or in another format", Args: takes("the image's name", "the file"),
		Example:           "  novacron image export debian-12 debian-12.vmdk --format vmdk",
		ValidArgsFunction: p.completeOne(p.imageNames),
	}
	cmd.Flags().StringVar(&format, "format", "", "qcow2, raw, vmdk, vhdx, vdi or vhd; as it is kept if left out")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file if it is there")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := vacant(args[1], force); err != nil {
			return err
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		found, err := connected.Image(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if p.live && format != "" && format != found.Format {
			fmt.Fprintf(p.err, "the server converts %s from %s to %s first\n", found.Name, found.Format, format)
		}
		coming, err := connected.ExportImage(cmd.Context(), string(found.ID), format)
		if err != nil {
			return err
		}
		defer coming.Close()
		if err := p.save(coming, "receiving "+found.Name, args[1], force); err != nil {
			return err
		}
		if p.output == "json" {
			return p.json(map[string]any{"image_id": found.ID, "file": args[1], "bytes": coming.Size})
		}
		p.say("Image %s is in %s: %s.", found.Name, args[1], size(coming.Size))
		return nil
	}
	return cmd
}

// vacant refuses a file that is there.
func vacant(path string, force bool) error {
	_, err := os.Lstat(path)
	switch {
	case force, errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		return fault.Conflict("%s is there already; give another file, or overwrite it with --force", path)
	}
	return unsaved(path, err)
}

func unsaved(path string, err error) error {
	return fault.Invalid("%s cannot be written: %v", path, err)
}

// save writes what comes under a temporary name, and gives it its own when it is whole.
func (p *program) save(coming client.Export, what, path string, force bool) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text())
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return unsaved(path, err)
	}
	defer func() { _ = os.Remove(temporary) }() // after the renaming there is none
	defer file.Close()
	receiving := &counted{from: coming}
	finish := p.meter(what, "", receiving, coming.Size)
	_, err = io.Copy(file, receiving)
	finish()
	switch {
	case err != nil && receiving.done.Load() < coming.Size:
		return fault.Unavailable("the image broke off after %s of %s; try again", size(receiving.done.Load()), size(coming.Size)).Because(err)
	case err != nil:
		return unsaved(path, err)
	}
	if err := file.Sync(); err != nil {
		return unsaved(path, err)
	}
	if err := vacant(path, force); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return unsaved(path, err)
	}
	return nil
}
