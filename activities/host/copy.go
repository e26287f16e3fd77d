package host

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/backuprepo/nbddisk"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// CopyRequest copies a volume that another host offers onto the one of the same ID here.
type CopyRequest struct {
	On
	Pool   string    `json:"pool"`
	Volume id.Volume `json:"volume_id"`
	From   string    `json:"from"` // host:port of the other host's offers
	Ticket string    `json:"ticket"`
}

const (
	copyBytes   = 1 << 20 // of a part that is copied at once
	copyFlights = 4       // parts on their way at once
)

// CopyVolume copies a volume from another host. A second attempt begins again.
func (a *Activities) CopyVolume(ctx context.Context, in CopyRequest) error {
	release, err := a.turn(ctx, in.On, string(in.Volume))
	if err != nil {
		return err
	}
	defer release()
	report, stop := beating(ctx)
	defer stop()
	source, done, err := openOffer(ctx, in.From, in.Ticket)
	if err != nil {
		return err
	}
	defer done()
	return a.fill(ctx, in.Pool, in.Volume, func(sink backuprepo.Sink) error {
		return copyAll(ctx, source, sink, report)
	})
}

// copyAll copies all of a disk and returns once it is on the other one for good. Several parts are on their way at once, so that
// reading and writing do not wait for each other.
func copyAll(ctx context.Context, source backuprepo.Source, sink backuprepo.Sink, report func(Beat)) error {
	total := source.Size()
	flights, within := errgroup.WithContext(ctx)
	flights.SetLimit(copyFlights)
	buffers := make(chan []byte, copyFlights)
	for range copyFlights {
		buffers <- make([]byte, copyBytes)
	}
	err := source.Extents(within, func(extent backuprepo.Extent) error {
		if extent.Kind == backuprepo.Zero {
			return sink.WriteZeroes(within, extent.Offset, extent.Length)
		}
		for at, end := extent.Offset, extent.Offset+extent.Length; at < end && within.Err() == nil; at += copyBytes {
			report(Beat{Done: at, Total: total, Unit: "bytes"})
			flights.Go(func() error {
				buffer := <-buffers
				defer func() { buffers <- buffer }()
				part := buffer[:min(copyBytes, end-at)]
				if err := source.ReadAt(within, part, at); err != nil {
					return err
				}
				return sink.WriteAt(within, part, at)
			})
		}
		return within.Err()
	})
	// The first part that failed ended the rest, and says why.
	if failed := flights.Wait(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return sink.Flush(ctx)
}

// openOffer connects to another host's offer by way of a unix socket, which is what NBD sources are opened on.
func openOffer(ctx context.Context, address, ticket string) (*nbddisk.Source, func(), error) {
	remote, export, err := dialOffer(ctx, address, ticket)
	if err != nil {
		return nil, nil, err
	}
	directory, err := os.MkdirTemp("", "novacron-offer-")
	if err != nil {
		remote.Close()
		return nil, nil, fault.Internal("no room for a socket").Because(err)
	}
	socket := filepath.Join(directory, "nbd.sock")
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		remote.Close()
		os.RemoveAll(directory)
		return nil, nil, fault.Internal("no socket could be made").Because(err)
	}
	cleanUp := func() {
		listener.Close()
		remote.Close()
		os.RemoveAll(directory)
	}
	go func() {
		local, err := listener.Accept()
		if err != nil {
			return
		}
		splice(local, remote)
	}()
	source, err := nbddisk.OpenSource(ctx, socket, export, "")
	if err != nil {
		cleanUp()
		return nil, nil, fault.Unavailable("the disk could not be read from the other host at %s", address).Because(err)
	}
	return source, func() {
		source.Close()
		cleanUp()
	}, nil
}
