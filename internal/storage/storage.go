package storage

import (
	"context"
	"io"

	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
)

// Pool holds volumes and the base images they stand on.
type Pool interface {
	// Fact describes the pool: name, driver, whether it is shared, capacity and use.
	Fact(ctx context.Context) host.PoolFact
	// CreateVolume makes a volume: empty, or an overlay of a base image that EnsureImage brought. A second call with the
	// same answer finds the first one's volume.
	CreateVolume(ctx context.Context, spec VolumeSpec) (Volume, error)
	// DeleteVolume removes a volume; a missing one is fine. A volume that a process has open is removed all the same: the
	// caller knows that its VM is off.
	DeleteVolume(ctx context.Context, volume id.Volume) error
	// InspectVolume returns a volume; NotFound if the pool has none of that ID.
	InspectVolume(ctx context.Context, volume id.Volume) (Volume, error)
	// ListVolumes returns every volume of ours in the pool, finished or not.
	ListVolumes(ctx context.Context) ([]Volume, error)
	// EnsureImage makes the image's bytes a base for overlays in this pool, calling fetch only if they are not there yet and
	// checking their hash before anyone can use them. Callers on several hosts of a shared pool may race.
	EnsureImage(ctx context.Context, image BaseImage, fetch func(ctx context.Context, offset int64) (io.ReadCloser, error)) error
	// DeleteImage removes a base image that no volume stands on; Conflict if one does. A missing one is fine.
	DeleteImage(ctx context.Context, image id.Image) error
	// Clear gives the place up: base images go, and whatever else made it a pool, so that nothing of ours is left there.
	// Conflict while it holds a volume. A place that was given up is fine.
	Clear(ctx context.Context) error
}

// VolumeSpec is what a volume should be.
type VolumeSpec struct {
	Volume    id.Volume `json:"volume_id"`
	SizeBytes int64     `json:"size_bytes"` // at least the base image's virtual size
	Format    string    `json:"format"`     // qcow2 or raw; an overlay is qcow2
	Base      id.Image  `json:"base,omitempty"`
}

// Volume is a volume as the pool sees it.
type Volume struct {
	Volume         id.Volume `json:"volume_id"`
	Path           string    `json:"path"` // what the hypervisor opens
	Format         string    `json:"format"`
	SizeBytes      int64     `json:"size_bytes"`
	AllocatedBytes int64     `json:"allocated_bytes"`
	Base           id.Image  `json:"base,omitempty"`
}

// BaseImage names an image's bytes.
type BaseImage struct {
	Image     id.Image `json:"image_id"`
	SHA256    string   `json:"sha256"`
	Format    string   `json:"format"`
	SizeBytes int64    `json:"size_bytes"`
}

// ImageKeeper is the optional power to say which images the pool has copies of, and to read one: hosts then take images from
// each other, and do without those that are not used.
type ImageKeeper interface {
	// Images lists the copies that are complete.
	Images(ctx context.Context) ([]image.Copy, error)
	// OpenImage reads a copy from an offset on; NotFound if there is none of those bytes.
	OpenImage(ctx context.Context, image BaseImage, offset int64) (io.ReadCloser, error)
}

// Grower is the optional power to make a volume larger that no VM has open.
type Grower interface {
	// GrowVolume makes the volume that large; what is new reads as zeroes. One that is so large already is fine, one that is
	// larger a Conflict.
	GrowVolume(ctx context.Context, volume id.Volume, bytes int64) error
}

// Snapshotter is the optional power to keep a volume as it is at an instant, within the volume. A snapshot stands on no other:
// each can go by itself.
type Snapshotter interface {
	// SnapshotsOpen says whether a volume that a VM has open can be snapshotted here; else its hypervisor does that.
	SnapshotsOpen() bool
	// SnapshotVolume keeps the volume as it is under that ID; one that is there already stays as it is. Conflict for a volume
	// that is open where that cannot be, Invalid for one of a format that keeps none.
	SnapshotVolume(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error
	// RevertVolume sets a volume that no VM has open back; its other snapshots stay. NotFound if there is no such snapshot.
	RevertVolume(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error
	// DropSnapshot forgets a snapshot, under the same conditions as SnapshotVolume; a missing one, or volume, is fine.
	DropSnapshot(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error
	// Snapshots lists those of a volume, open or not.
	Snapshots(ctx context.Context, volume id.Volume) ([]id.Snapshot, error)
}

// Exporter is the optional power to serve a volume that no VM has open over NBD on a unix socket.
type Exporter interface {
	// ServeVolume serves the volume until stop is called or ctx ends. stop waits until everything written is on the disk.
	ServeVolume(ctx context.Context, volume id.Volume, writable bool) (socket, export string, stop func() error, err error)
}
