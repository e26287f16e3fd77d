package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/backuprepo/nbddisk"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagewrite"
)

// DiskBytes is what a disk becomes as an image.
type DiskBytes struct {
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"size_bytes"`
}

// ImageSink gives the control plane the bytes of an image that it waits for; it is kept if they have that hash.
type ImageSink func(ctx context.Context, image id.Image, bytes DiskBytes, content io.Reader) error

// forgetScript makes a Linux guest forget who it is, so that machines made from its disk make themselves identities of
// their own. It prints what it removed, a word a line. An empty machine-id is what machine-id(5) of systemd asks for in an
// image. Keys of sshd go only where something makes new ones, since a guest without any lets nobody in: cloud-init does
// (ssh_deletekeys), and so does the unit of Fedora and its kin.
const forgetScript = `set -e
if [ -e /etc/machine-id ]; then
  : > /etc/machine-id
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then rm -f /var/lib/dbus/machine-id; fi
  echo machine_id
fi
cloud=
if command -v cloud-init >/dev/null 2>&1; then cloud=yes; fi
maker=$cloud
for unit in /usr/lib/systemd/system/sshd-keygen*.service /lib/systemd/system/sshd-keygen*.service; do
  if [ -e "$unit" ]; then maker=yes; fi
done
if [ -n "$maker" ]; then
  gone=
  for key in /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub; do
    if [ -e "$key" ]; then rm -f "$key"; gone=yes; fi
  done
  if [ -n "$gone" ]; then echo ssh_host_keys; fi
fi
if [ -n "$cloud" ]; then
  cloud-init clean --logs >/dev/null
  echo cloud_init
fi
sync
`

// Forgotten is what a guest removed of its identity.
type Forgotten struct {
	What []string `json:"what"`
}

// Limits on the guest: until its agent speaks, and until it has forgotten.
const (
	agentPatience  = 30 * time.Second
	forgetPatience = 2 * time.Minute
)

// ForgetIdentity has a running guest forget who it is. A second time it finds less to forget, so what an earlier attempt
// removed is not named again. Conflict if its agent does not answer, or cannot do it.
func (a *Activities) ForgetIdentity(ctx context.Context, in MachineRequest) (Forgotten, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return Forgotten{}, err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	limited, end := context.WithTimeout(ctx, forgetPatience)
	defer end()
	result, err := a.Hypervisor.Run(limited, in.VM, "/bin/sh", "-c", forgetScript)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return Forgotten{}, fault.Conflict("the guest of VM %s has not forgotten who it is within %s; look at its console", in.VM, forgetPatience).Because(err)
	case fault.Is(err, fault.KindUnavailable) && time.Since(firstScheduled(ctx)) > agentPatience:
		return Forgotten{}, fault.Conflict("the agent in VM %s does not answer, so its guest cannot forget who it is: install qemu-guest-agent there, or stop the VM and publish its disk as it is",
			in.VM).Because(err)
	case err != nil:
		return Forgotten{}, err
	case result.ExitCode != 0:
		return Forgotten{}, fault.Conflict("the guest of VM %s could not forget who it is: its shell ended with %d and said %.200q", in.VM, result.ExitCode, result.Output)
	}
	return Forgotten{What: strings.Fields(result.Output)}, nil
}

// ReadDiskRequest names a disk that no VM has open, and the image that it becomes.
type ReadDiskRequest struct {
	On
	Pool   string    `json:"pool"`
	Volume id.Volume `json:"volume_id"`
	Image  id.Image  `json:"image_id,omitempty"`
	Bytes  DiskBytes `json:"bytes,omitzero"` // that DigestDisk found
}

// DigestDisk works out what a disk will be as an image, without keeping it.
func (a *Activities) DigestDisk(ctx context.Context, in ReadDiskRequest) (DiskBytes, error) {
	var found DiskBytes
	err := a.asImage(ctx, in, func(ctx context.Context, size int64, write func(io.Writer) error) error {
		sum := sha256.New()
		err := write(sum)
		found = DiskBytes{SHA256: hex.EncodeToString(sum.Sum(nil)), SizeBytes: size}
		return err
	})
	return found, err
}

// SendDisk sends a disk to the control plane, which keeps it as an image. A second attempt begins again, or finds that it was
// kept. Conflict if the disk is not what DigestDisk found.
func (a *Activities) SendDisk(ctx context.Context, in ReadDiskRequest) error {
	return a.asImage(ctx, in, func(ctx context.Context, size int64, write func(io.Writer) error) error {
		if size != in.Bytes.SizeBytes {
			return fault.Conflict("disk %s has changed since it was read; publish it again", in.Volume)
		}
		reader, writer := io.Pipe()
		wrote := make(chan error, 1)
		go func() {
			err := write(writer)
			_ = writer.CloseWithError(err) // which never fails
			wrote <- err
		}()
		err := a.Keep(ctx, in.Image, in.Bytes, reader)
		_ = reader.Close()
		if readErr := <-wrote; readErr != nil && !errors.Is(readErr, io.ErrClosedPipe) {
			return readErr // why what was sent broke off
		}
		return err
	})
}

// asImage serves a disk and lays it out as an image; use writes it.
func (a *Activities) asImage(ctx context.Context, in ReadDiskRequest, use func(ctx context.Context, size int64, write func(io.Writer) error) error) error {
	release, err := a.turn(ctx, in.On, string(in.Volume))
	if err != nil {
		return err
	}
	defer release()
	report, stop := beating(ctx)
	defer stop()
	socket, export, end, err := a.serve(ctx, in.Pool, in.Volume, false)
	if err != nil {
		return err
	}
	defer func() { _ = end() }() // nothing was written
	source, err := nbddisk.OpenSource(ctx, socket, export, "")
	if err != nil {
		return err
	}
	defer source.Close()
	layout, err := layOut(ctx, source)
	if err != nil {
		return err
	}
	return use(ctx, layout.FileBytes(), func(to io.Writer) error {
		return layout.Write(ctx, &countingWriter{Writer: to, report: func(done int64) {
			report(Beat{Done: done, Total: layout.FileBytes(), Unit: "bytes"})
		}}, source.ReadAt)
	})
}

func layOut(ctx context.Context, disk backuprepo.Source) (*imagewrite.Layout, error) {
	layout := imagewrite.NewLayout(disk.Size())
	err := disk.Extents(ctx, func(extent backuprepo.Extent) error {
		if extent.Kind == backuprepo.Zero {
			return nil
		}
		return layout.Add(extent.Offset, extent.Length)
	})
	return layout, err
}

// countingWriter reports what was written, now and then.
type countingWriter struct {
	io.Writer
	done, reported int64
	report         func(done int64)
}

// Write implements io.Writer.
func (c *countingWriter) Write(data []byte) (int, error) {
	count, err := c.Writer.Write(data)
	c.done += int64(count)
	if c.done-c.reported >= reportEvery {
		c.reported = c.done
		c.report(c.done)
	}
	return count, err
}
