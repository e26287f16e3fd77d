package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

const (
	pairsOfImports = 4
	importedMiB    = 1024
	streamedMiB    = 4096
	sampleEvery    = 100 * time.Millisecond
)

// writeImage makes a raw image of bytes that do not compress.
func (b *bench) writeImage(name string, mebibytes int64) (string, error) {
	image := filepath.Join(b.data, name)
	b.later(func(context.Context) error { return os.Remove(image) })
	file, err := os.Create(image)
	if err != nil {
		return "", err
	}
	_, err = io.CopyN(file, rand.Reader, mebibytes<<20)
	return image, errors.Join(err, file.Close())
}

// importAs sends an image and has it deleted later.
func (b *bench) importAs(ctx context.Context, name, path string) (time.Duration, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	about, err := file.Stat()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	made, err := b.client.ImportImage(ctx, client.Import{Name: name, Size: about.Size()}, file, client.Change{})
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	b.later(func(ctx context.Context) error {
		_, err := b.client.DeleteImage(ctx, string(made.Value.ID), client.Change{})
		return err
	})
	return took, nil
}

// measureImport sends a qcow2 image in turns with what one would do by hand: convert it into the store, then hash it.
func (b *bench) measureImport(ctx context.Context) error {
	raw, err := b.writeImage("bench.raw", importedMiB)
	if err != nil {
		return err
	}
	image, copied := filepath.Join(b.data, "bench.qcow2"), filepath.Join(b.data, "bench-copy.qcow2")
	for _, each := range []string{image, copied} {
		b.later(func(context.Context) error { return ignoreMissing(os.Remove(each)) })
	}
	if err := command(ctx, "qemu-img", "convert", "-O", "qcow2", raw, image); err != nil {
		return err
	}
	var ours, theirs []float64
	for i := range pairsOfImports {
		turns := []func() error{
			func() error {
				took, err := b.importAs(ctx, fmt.Sprintf("bench-%d-%d", os.Getpid(), i), image)
				ours = append(ours, took.Seconds())
				return err
			},
			func() error {
				began := time.Now()
				err := errors.Join(ignoreMissing(os.Remove(copied)), command(ctx, "qemu-img", "convert", "-O", "qcow2", image, copied), command(ctx, "sha256sum", copied))
				theirs = append(theirs, time.Since(began).Seconds())
				return err
			},
		}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
		note("  import %d: %.2f s; by qemu-img and sha256sum %.2f s", i, ours[i], theirs[i])
	}
	b.atMost("import of a qcow2 image of 1 GiB / qemu-img convert, then sha256sum", median(ours)/median(theirs), "ratio", 0.8)
	return nil
}

func command(ctx context.Context, name string, args ...string) error {
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, output)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// measureStreaming sends an image of 4 GiB and has a host fetch it, and watches how the memory of the processes grows through
// which it streams.
func (b *bench) measureStreaming(ctx context.Context) error {
	raw, err := b.writeImage("bench.raw", streamedMiB)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("bench-%d-large", os.Getpid())
	imported, err := b.growth(ctx, "services/server", func() error { _, err := b.importAs(ctx, name, raw); return err })
	if err != nil {
		return err
	}
	b.below("memory (PSS) of the server above idle while it takes an image of 4 GiB", imported, "MiB", 64)
	fetched, err := b.growth(ctx, "lab/run/h1/service/worker", func() error { return b.fetch(ctx, name) })
	if err != nil {
		return err
	}
	b.below("memory (PSS) of a worker above idle while it fetches an image of 4 GiB", fetched, "MiB", 64)
	return nil
}

// growth is by how many MiB a service's memory grows at most while work goes on.
func (b *bench) growth(ctx context.Context, service string, work func() error) (float64, error) {
	idle, err := b.memoryOf(service)
	if err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- work() }()
	most := idle
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			note("  %s: %.0f MiB idle, at most %.0f", service, idle, most)
			return most - idle, err
		case <-tick.C:
			now, err := b.memoryOf(service)
			if err != nil {
				return 0, errors.Join(err, <-done)
			}
			most = max(most, now)
		}
	}
}

// fetch provisions a VM from an image that cannot boot, and takes it back once the host has the image.
func (b *bench) fetch(ctx context.Context, image string) error {
	started, err := b.client.CreateVM(ctx, client.NewVM{
		Name: image, Image: image, MemoryBytes: 192 * vm.MiB, DiskBytes: streamedMiB << 20, Pool: "local", Host: "h1",
	}, client.Change{})
	if err != nil {
		return err
	}
	for {
		step, err := b.stepOf(ctx, started.Operation.ID, "create_disk")
		if err == nil && step.State != operation.StepRunning {
			break
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	if _, err := b.client.Cancel(ctx, string(started.Operation.ID), client.Change{}); err != nil {
		return err
	}
	for {
		ended, err := b.client.Operation(ctx, string(started.Operation.ID))
		if err != nil || ended.State.Final() {
			return err
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
