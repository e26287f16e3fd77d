package nbddisk

import (
	"context"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/nbd"
)

// Source reads a disk from an NBD export.
type Source struct {
	*nbd.Client
	dirty string // metadata context of the changed blocks; empty to read all
}

// Sink writes a disk to an NBD export.
type Sink struct{ *nbd.Client }

var (
	_ backuprepo.Source = (*Source)(nil)
	_ backuprepo.Sink   = (*Sink)(nil)
)

// OpenSource connects to an export. dirtyContext names the metadata context of what changed, such as
// "qemu:dirty-bitmap:backup-vda"; empty for a full backup. NotFound if there is no such export or context. The caller
// closes the source.
func OpenSource(ctx context.Context, socket, export, dirtyContext string) (*Source, error) {
	contexts := []string{nbd.ContextAllocation}
	if dirtyContext != "" {
		contexts = append(contexts, dirtyContext)
	}
	client, err := nbd.Dial(ctx, socket, nbd.Options{Export: export, Contexts: contexts})
	if err != nil {
		return nil, err
	}
	if dirtyContext != "" && !client.HasContext(dirtyContext) {
		client.Close()
		return nil, fault.NotFound("the disk's record of changes is gone: take a full backup")
	}
	return &Source{Client: client, dirty: dirtyContext}, nil
}

// OpenSink connects to an export for writing. Conflict if it is read-only. The caller closes the sink.
func OpenSink(ctx context.Context, socket, export string) (*Sink, error) {
	client, err := nbd.Dial(ctx, socket, nbd.Options{Export: export})
	if err != nil {
		return nil, err
	}
	if client.ReadOnly() {
		client.Close()
		return nil, fault.Conflict("the disk is served read-only: serve it for writing")
	}
	return &Sink{Client: client}, nil
}

// Extents implements backuprepo.Source. Where the server does not say what is allocated, everything is data.
func (s *Source) Extents(ctx context.Context, visit func(backuprepo.Extent) error) error {
	if s.dirty == "" {
		return s.allocation(ctx, 0, s.Size(), visit)
	}
	return s.Client.Extents(ctx, s.dirty, 0, s.Size(), func(extent nbd.Extent) error {
		if extent.Flags&nbd.StateDirty == 0 {
			return visit(backuprepo.Extent{Offset: extent.Offset, Length: extent.Length, Kind: backuprepo.Unchanged})
		}
		return s.allocation(ctx, extent.Offset, extent.Length, visit)
	})
}

func (s *Source) allocation(ctx context.Context, offset, length int64, visit func(backuprepo.Extent) error) error {
	if !s.HasContext(nbd.ContextAllocation) {
		return visit(backuprepo.Extent{Offset: offset, Length: length, Kind: backuprepo.Data})
	}
	return s.Client.Extents(ctx, nbd.ContextAllocation, offset, length, func(extent nbd.Extent) error {
		kind := backuprepo.Data
		if extent.Flags&nbd.StateZero != 0 {
			kind = backuprepo.Zero
		}
		return visit(backuprepo.Extent{Offset: extent.Offset, Length: extent.Length, Kind: kind})
	})
}
