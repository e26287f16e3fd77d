package host

import (
	"context"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/backuprepo/nbddisk"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/volume"
)

// StoreRequest copies one disk into the repository.
type StoreRequest struct {
	On
	Backup id.Backup     `json:"backup_id"`
	Volume volume.Volume `json:"volume"`
	Export Source        `json:"export"`
	Parent *backup.Disk  `json:"parent,omitempty"` // the same disk in the backup before
}

// Stored is a disk in the repository.
type Stored struct {
	Disk        backup.Disk `json:"disk"`
	ReadBytes   int64       `json:"read_bytes"`
	StoredBytes int64       `json:"stored_bytes"`
	Whole       string      `json:"whole,omitempty"` // why the disk was read in full although only changes were asked for
}

// StoreDisk copies one disk, or what changed of it, into the repository. A second attempt finds what the first one
// finished and begins the rest again. The parent saves storing what is stored already, even where the disk is read in
// full; a parent that is damaged or gone is done without.
func (a *Activities) StoreDisk(ctx context.Context, in StoreRequest) (Stored, error) {
	release, err := a.turn(ctx, in.On, string(in.Backup))
	if err != nil {
		return Stored{}, err
	}
	defer release()
	report, stop := beating(ctx)
	defer stop()
	stored, err := a.storeOnce(ctx, in, report)
	_, damaged := backuprepo.DamageOf(err)
	if in.Parent == nil || !damaged && !fault.Is(err, fault.KindNotFound) {
		return stored, err
	}
	in.Parent, in.Export.Disk.MetaContext = nil, ""
	stored, err = a.storeOnce(ctx, in, report)
	stored.Whole = "the backup to compare with, or the record of changes since it, is damaged or gone, so the disks were read in full"
	return stored, err
}

func (a *Activities) storeOnce(ctx context.Context, in StoreRequest, report func(Beat)) (Stored, error) {
	source, done, err := a.openSource(ctx, in)
	if err != nil {
		return Stored{}, err
	}
	defer done()
	request := backuprepo.WriteRequest{
		Backup: in.Backup, Device: in.Volume.Device, Source: source,
		Progress: func(done, total int64) { report(Beat{Done: done, Total: total, Unit: "bytes"}) },
	}
	if in.Parent != nil {
		request.Parent = &backuprepo.ManifestRef{Key: in.Parent.Manifest, SHA256: in.Parent.SHA256}
	}
	repository, err := a.Repository()
	if err != nil {
		return Stored{}, err
	}
	result, err := repository.WriteDisk(ctx, request)
	if err != nil {
		return Stored{}, err
	}
	return Stored{
		Disk: backup.Disk{
			Device: in.Volume.Device, SizeBytes: result.SizeBytes, Manifest: result.Manifest.Key, SHA256: result.Manifest.SHA256,
		},
		ReadBytes: result.ReadBytes, StoredBytes: result.StoredBytes,
	}, nil
}

// openSource opens the export of a VM that is on, or serves the volume of one that is off.
func (a *Activities) openSource(ctx context.Context, in StoreRequest) (backuprepo.Source, func(), error) {
	if in.Export.Online {
		source, err := nbddisk.OpenSource(ctx, in.Export.Socket, in.Export.Disk.Export, in.Export.Disk.MetaContext)
		if err != nil {
			return nil, nil, err
		}
		return source, func() { source.Close() }, nil
	}
	socket, export, end, err := a.serve(ctx, in.Volume.Pool, in.Volume.ID, false)
	if err != nil {
		return nil, nil, err
	}
	source, err := nbddisk.OpenSource(ctx, socket, export, "")
	if err != nil {
		_ = end() // the disk could not be read; that its server ends badly adds nothing
		return nil, nil, err
	}
	return source, func() {
		source.Close()
		_ = end() // nothing was written
	}, nil
}

// serve serves a volume that no VM has open.
func (a *Activities) serve(ctx context.Context, poolName string, disk id.Volume, writable bool) (socket, export string, end func() error, err error) {
	pool, err := a.Pools.Pool(poolName)
	if err != nil {
		return "", "", nil, err
	}
	exporter, able := pool.(storage.Exporter)
	if !able {
		return "", "", nil, fault.Invalid("pool %s cannot serve its volumes; move the disk to another pool", poolName)
	}
	return exporter.ServeVolume(ctx, disk, writable)
}

// BackupDataRequest names a backup's data.
type BackupDataRequest struct {
	On
	Backup id.Backup     `json:"backup_id"`
	Disks  []backup.Disk `json:"disks,omitempty"`
}

// DeleteBackupData removes a backup, finished or not, from the repository, and the chunks that no other one needs.
func (a *Activities) DeleteBackupData(ctx context.Context, in BackupDataRequest) error {
	release, err := a.turn(ctx, in.On, string(in.Backup))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	repository, err := a.Repository()
	if err != nil {
		return err
	}
	return repository.Delete(ctx, in.Backup)
}

// Verdict is what reading a backup found.
type Verdict struct {
	Damage string `json:"damage,omitempty"` // the first damage, in words; empty: it can be restored
}

// VerifyBackupData reads every chunk of a backup and compares it with its hash. Damage is an answer, not an error.
func (a *Activities) VerifyBackupData(ctx context.Context, in BackupDataRequest) (Verdict, error) {
	if in.Host != a.Host {
		return Verdict{}, fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	repository, err := a.Repository()
	if err != nil {
		return Verdict{}, err
	}
	report, stop := beating(ctx)
	defer stop()
	for _, each := range in.Disks {
		_, err := repository.Verify(ctx, backuprepo.ManifestRef{Key: each.Manifest, SHA256: each.SHA256}, func(done, total int64) {
			report(Beat{Done: done, Total: total, Unit: "bytes"})
		})
		if _, damaged := backuprepo.DamageOf(err); damaged {
			return Verdict{Damage: err.Error()}, nil
		}
		if err != nil {
			return Verdict{}, err
		}
	}
	return Verdict{}, nil
}

// FillRequest copies one disk of a backup onto a volume.
type FillRequest struct {
	On
	Backup id.Backup   `json:"backup_id"`
	Disk   backup.Disk `json:"disk"`
	Pool   string      `json:"pool"`
	Volume id.Volume   `json:"volume_id"`
}

// RestoreDisk copies a backup onto a volume, checking each chunk before it is written.
func (a *Activities) RestoreDisk(ctx context.Context, in FillRequest) error {
	release, err := a.turn(ctx, in.On, string(in.Volume))
	if err != nil {
		return err
	}
	defer release()
	repository, err := a.Repository()
	if err != nil {
		return err
	}
	report, stop := beating(ctx)
	defer stop()
	return a.fill(ctx, in.Pool, in.Volume, func(sink backuprepo.Sink) error {
		return repository.ReadDisk(ctx, backuprepo.ReadRequest{
			Manifest: backuprepo.ManifestRef{Key: in.Disk.Manifest, SHA256: in.Disk.SHA256}, Sink: sink,
			Progress: func(done, total int64) { report(Beat{Done: done, Total: total, Unit: "bytes"}) },
		})
	})
}

// fill serves a volume for writing while write runs, and returns once everything written is on the disk.
func (a *Activities) fill(ctx context.Context, pool string, disk id.Volume, write func(backuprepo.Sink) error) error {
	socket, export, end, err := a.serve(ctx, pool, disk, true)
	if err != nil {
		return err
	}
	sink, err := nbddisk.OpenSink(ctx, socket, export)
	if err != nil {
		_ = end() // nothing was written
		return err
	}
	err = write(sink)
	sink.Close()
	if endErr := end(); err == nil {
		err = endErr
	}
	return err
}
