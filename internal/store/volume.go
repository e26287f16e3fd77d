package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/volume"
)

// VolumeChange is what became true of a volume.
type VolumeChange struct {
	State  volume.State // empty leaves it
	Host   *id.Host     // nil leaves it, empty is for a shared pool
	Pool   string       // empty leaves it
	Format string       // empty leaves it
	Image  *id.Image    // nil leaves it, empty says that it no longer stands on an image
}

// GetVolume returns one volume.
func (s *Store) GetVolume(ctx context.Context, volumeID id.Volume) (volume.Volume, error) {
	row, err := s.queries.GetVolume(ctx, string(volumeID))
	if err != nil {
		return volume.Volume{}, missing(err, "there is no volume %s; it may have been deleted", volumeID)
	}
	return volumeOf(row)
}

// FindVolume finds a volume by name or ID; an empty project means any.
func (s *Store) FindVolume(ctx context.Context, project id.Project, ref string) (volume.Volume, error) {
	rows, err := s.queries.FindVolume(ctx, ref, string(project))
	found, err := mapRows(rows, err, volumeOf)
	switch {
	case err != nil:
		return volume.Volume{}, err
	case len(found) == 0:
		return volume.Volume{}, fault.NotFound("there is no volume %s in this project; list them with novacron volume list", ref)
	case len(found) > 1:
		return volume.Volume{}, ambiguous("volume", ref)
	}
	return found[0], nil
}

// VolumeFilter chooses volumes; empty fields choose all.
type VolumeFilter struct {
	Project id.Project
	Pool    string
	State   volume.State
	Query   string // part of the label
	Cursor  string // from the page before
	Limit   int    // 1 to MaxPage; 0 means DefaultPage
}

// ListVolumes returns a page by label and the cursor of the next page, empty at the end.
func (s *Store) ListVolumes(ctx context.Context, filter VolumeFilter) ([]volume.Volume, string, error) {
	size, err := pageSize(filter.Limit)
	if err != nil {
		return nil, "", err
	}
	after, err := decodeCursor(filter.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.queries.ListVolumes(ctx, db.ListVolumesParams{
		ProjectID: string(filter.Project), Pool: filter.Pool, State: string(filter.State), Pattern: containing(filter.Query),
		AfterLabel: after[0], AfterID: after[1], PageSize: int32(size + 1),
	})
	labels := make(map[id.Volume]string, len(rows))
	for _, row := range rows {
		labels[id.Volume(row.ID)] = row.Label
	}
	found, err := mapRows(rows, err, volumeOf)
	page, next := cutPage(found, size, func(v volume.Volume) []string { return []string{labels[v.ID], string(v.ID)} })
	return page, next, err
}

func volumeOf(row db.VolumeRecord) (volume.Volume, error) {
	return volume.Volume{
		ID: id.Volume(row.ID), Project: id.Project(row.ProjectID), Name: row.Name, VM: fromNull[id.VM](row.VMID), VMName: row.VMName,
		Device: row.Device, Pool: row.Pool, Host: fromNull[id.Host](row.HostID), HostName: row.HostName, SizeBytes: row.SizeBytes,
		Image: fromNull[id.Image](row.ImageID), Format: row.Format,
		Limits: volume.Limits{IOPS: row.MaxIops, BytesPerSecond: row.MaxBytesPerSecond}, State: volume.State(row.State), PurgeAt: timeFromNull(row.PurgeAt),
		Operation: id.Operation(row.OperationID), OperationOf: row.OperationKind, CreatedAt: row.CreatedAt,
	}, nil
}

// VolumesOf returns a VM's volumes by device; the one it boots from is the first.
func (s *Store) VolumesOf(ctx context.Context, machine id.VM) ([]volume.Volume, error) {
	rows, err := s.queries.VolumesOf(ctx, orNull(machine))
	return mapRows(rows, err, volumeOf)
}

// VolumesOnHost returns the volumes in the host's own pools, and those in shared pools of the VMs that are placed on it.
func (s *Store) VolumesOnHost(ctx context.Context, hostID id.Host) ([]volume.Volume, error) {
	rows, err := s.queries.VolumesOnHost(ctx, string(hostID))
	return mapRows(rows, err, volumeOf)
}

// InsertVolume records a volume; one that is recorded already stays as it is.
func (s *Store) InsertVolume(ctx context.Context, disk volume.Volume) error {
	return s.change(ctx, func(c *change) error { return c.insertVolume(ctx, disk) })
}

func (c *change) insertVolume(ctx context.Context, disk volume.Volume) error {
	if disk.State == "" {
		disk.State = volume.Creating
	}
	if disk.Format == "" {
		disk.Format = "qcow2"
	}
	if disk.Name != "" {
		c.emitVolume("volume.created", string(disk.Project), disk.ID, disk.Name)
	}
	return nameTaken(c.InsertVolume(ctx, db.InsertVolumeParams{
		ID: string(disk.ID), ProjectID: string(disk.Project), Name: disk.Name, VMID: orNull(disk.VM), Device: disk.Device, Pool: disk.Pool,
		HostID: orNull(disk.Host), SizeBytes: disk.SizeBytes, ImageID: orNull(disk.Image), Format: disk.Format, State: string(disk.State),
	}), "a volume in this project", disk.Name)
}

// SetVolume records what became true of a volume.
func (s *Store) SetVolume(ctx context.Context, volumeID id.Volume, wanted VolumeChange) error {
	params := db.SetVolumeParams{
		State: string(wanted.State), Pool: wanted.Pool, Format: wanted.Format, SetHost: wanted.Host != nil, SetImage: wanted.Image != nil, ID: string(volumeID),
	}
	if wanted.Host != nil {
		params.HostID = orNull(*wanted.Host)
	}
	if wanted.Image != nil {
		params.ImageID = orNull(*wanted.Image)
	}
	changed, err := s.queries.SetVolume(ctx, params)
	if err == nil && changed == 0 {
		err = fault.NotFound("there is no volume %s; it may have been deleted", volumeID)
	}
	return translate(err)
}

// DeleteVolume removes a volume from the inventory, with the event volume.deleted if it had a name; one that is gone is fine.
func (s *Store) DeleteVolume(ctx context.Context, volumeID id.Volume) error {
	return s.change(ctx, func(c *change) error {
		deleted, err := c.Queries.DeleteVolume(ctx, string(volumeID))
		for _, each := range deleted {
			if each.Name != "" {
				c.emitVolume("volume.deleted", each.ProjectID, volumeID, each.Name)
			}
		}
		return err
	})
}

func (c *change) emitVolume(kind, project string, volumeID id.Volume, name string) {
	c.emit(event.Event{Type: kind, Project: project, SubjectKind: "volume", SubjectID: string(volumeID)}, nameOnly{name})
}

// TrashVolume puts a volume into the trash until purgeAt, with the event volume.changed; Conflict where volume.Trash is not
// allowed.
func (s *Store) TrashVolume(ctx context.Context, volumeID id.Volume, purgeAt time.Time) (volume.Volume, error) {
	return s.setTrash(ctx, volumeID, volume.Trash, volume.Trashed, purgeAt)
}

// RestoreVolume takes a volume out of the trash, with the event volume.changed; Conflict if it is not there.
func (s *Store) RestoreVolume(ctx context.Context, volumeID id.Volume) (volume.Volume, error) {
	return s.setTrash(ctx, volumeID, volume.Restore, volume.Ready, time.Time{})
}

func (s *Store) setTrash(ctx context.Context, volumeID id.Volume, action volume.Action, state volume.State, purgeAt time.Time) (volume.Volume, error) {
	err := s.change(ctx, func(c *change) error {
		// As an operation that claims it would, so that neither begins while the other decides.
		if err := c.LockResources(ctx, []string{string(volumeID)}); err != nil {
			return err
		}
		row, err := c.Queries.GetVolume(ctx, string(volumeID))
		if err != nil {
			return missing(err, "there is no volume %s; it may have been deleted", volumeID)
		}
		now, err := volumeOf(row)
		if err != nil {
			return err
		}
		if err := now.Can(action); err != nil {
			return err
		}
		c.emitVolume("volume.changed", row.ProjectID, volumeID, row.Name)
		return c.SetVolumeTrash(ctx, string(state), timeOrNull(purgeAt), row.ID)
	})
	if err != nil {
		return volume.Volume{}, err
	}
	return s.GetVolume(ctx, volumeID)
}

// ExpiredVolumes returns some of the volumes whose time in the trash is over.
func (s *Store) ExpiredVolumes(ctx context.Context, now time.Time) ([]volume.Volume, error) {
	rows, err := s.queries.ExpiredVolumes(ctx, now)
	return mapRows(rows, err, volumeOf)
}

// RenameVolume gives a volume a name, or takes it away. Conflict if the name is taken.
func (s *Store) RenameVolume(ctx context.Context, volumeID id.Volume, name string) error {
	changed, err := s.queries.RenameVolume(ctx, name, string(volumeID))
	if err == nil && changed == 0 {
		return fault.NotFound("there is no volume %s; it may have been deleted", volumeID)
	}
	return translate(nameTaken(err, "a volume in this project", name))
}

// AttachVolume records that a VM has the volume as that device, with the events vm.changed and volume.changed. It may be
// repeated.
func (s *Store) AttachVolume(ctx context.Context, machine id.VM, volumeID id.Volume, device string) error {
	return s.change(ctx, func(c *change) error {
		return c.placeVolume(ctx, machine, volumeID, device, orNull(machine))
	})
}

// DetachVolume records that a VM no longer has the volume, with the events vm.changed and volume.changed. It may be repeated.
func (s *Store) DetachVolume(ctx context.Context, machine id.VM, volumeID id.Volume) error {
	return s.change(ctx, func(c *change) error {
		return c.placeVolume(ctx, machine, volumeID, "", nil)
	})
}

func (c *change) placeVolume(ctx context.Context, machine id.VM, volumeID id.Volume, device string, on *string) error {
	row, err := c.SetVolumePlace(ctx, on, device, string(volumeID))
	if err != nil {
		return missing(err, "there is no volume %s; it may have been deleted", volumeID)
	}
	c.emitVolume("volume.changed", row.ProjectID, volumeID, row.Name)
	return c.touchVM(ctx, machine)
}

// ReplaceVolumes gives the VM the new volumes in place of the old ones, in one transaction. The old ones stay recorded,
// without a VM and as Deleting, until DeleteVolume. The VM no longer stands on an image. It may be repeated.
func (s *Store) ReplaceVolumes(ctx context.Context, machine id.VM, old, replacements []id.Volume) error {
	return s.change(ctx, func(c *change) error {
		if err := c.exchangeVolumes(ctx, machine, old, replacements); err != nil {
			return err
		}
		return c.ForgetImage(ctx, string(machine))
	})
}

// MoveVolume is ReplaceVolumes for one whose content is that of the old one: the VM is still made from its image. The event
// is vm.changed.
func (s *Store) MoveVolume(ctx context.Context, machine id.VM, old, replacement id.Volume) error {
	return s.change(ctx, func(c *change) error {
		if err := c.exchangeVolumes(ctx, machine, []id.Volume{old}, []id.Volume{replacement}); err != nil {
			return err
		}
		return c.touchVM(ctx, machine)
	})
}

// SupersedeVolume gives the name and limits of a volume that no VM has to another one, which is ready then, with the event
// volume.changed. The old one stays recorded as Deleting, until DeleteVolume. It may be repeated.
func (s *Store) SupersedeVolume(ctx context.Context, old, replacement id.Volume) error {
	return s.change(ctx, func(c *change) error {
		if err := c.LockResources(ctx, []string{string(old), string(replacement)}); err != nil {
			return err
		}
		was, err := c.Queries.GetVolume(ctx, string(old))
		if err != nil {
			return missing(err, "there is no volume %s; it may have been deleted", old)
		}
		if was.State == string(volume.Deleting) {
			return nil
		}
		if _, err := c.Queries.RenameVolume(ctx, "", was.ID); err != nil {
			return err
		}
		if err := c.SetVolumeTrash(ctx, string(volume.Deleting), nil, was.ID); err != nil {
			return err
		}
		err = c.ReplaceVolume(ctx, db.ReplaceVolumeParams{
			Name: was.Name, MaxIops: was.MaxIops, MaxBytesPerSecond: was.MaxBytesPerSecond, Ids: []string{string(replacement)},
		})
		if err != nil {
			return err
		}
		c.emitVolume("volume.changed", was.ProjectID, replacement, was.Name)
		return c.SetVolumeTrash(ctx, string(volume.Ready), nil, string(replacement))
	})
}

// GrowVolume records that a volume is larger, with the event vm.changed if a VM has it, else volume.changed. One that is
// recorded as larger stays so.
func (s *Store) GrowVolume(ctx context.Context, volumeID id.Volume, bytes int64) error {
	return s.change(ctx, func(c *change) error {
		row, err := c.Queries.GrowVolume(ctx, bytes, string(volumeID))
		switch {
		case err != nil:
			return missing(err, "there is no volume %s; it may have been deleted", volumeID)
		case row.VMID == nil:
			c.emitVolume("volume.changed", row.ProjectID, volumeID, row.Name)
			return nil
		}
		return c.touchVM(ctx, id.VM(*row.VMID))
	})
}

// LimitVolume records what a VM may ask of its volume, with the event vm.changed.
func (s *Store) LimitVolume(ctx context.Context, volumeID id.Volume, limits volume.Limits) error {
	return s.change(ctx, func(c *change) error {
		machine, err := c.SetVolumeLimits(ctx, limits.IOPS, limits.BytesPerSecond, string(volumeID))
		switch {
		case err != nil:
			return missing(err, "there is no volume %s; it may have been deleted", volumeID)
		case machine == nil:
			return nil
		}
		return c.touchVM(ctx, id.VM(*machine))
	})
}

// touchVM says that something of a VM changed that is not in its own row.
func (c *change) touchVM(ctx context.Context, machine id.VM) error {
	now, err := c.TouchVM(ctx, string(machine))
	if err != nil {
		return missing(err, "there is no VM %s; it may have been deleted", machine)
	}
	c.emit(event.Event{Type: "vm.changed", Project: now.ProjectID, SubjectKind: "vm", SubjectID: string(machine)}, nameOnly{now.Name})
	return nil
}

func (c *change) exchangeVolumes(ctx context.Context, machine id.VM, old, replacements []id.Volume) error {
	if _, err := c.LockVM(ctx, string(machine)); err != nil {
		return missing(err, "there is no VM %s; it may have been deleted", machine)
	}
	detached, err := c.DetachVolumes(ctx, string(machine), texts(old))
	if err != nil {
		return err
	}
	attached, err := c.AttachVolumes(ctx, string(machine), texts(replacements))
	if err != nil {
		return err
	}
	if int(attached) != len(replacements) {
		return fault.NotFound("%d of the %d volumes that were to take the old ones' place are not recorded", len(replacements)-int(attached), len(replacements))
	}
	for _, each := range detached {
		err := c.ReplaceVolume(ctx, db.ReplaceVolumeParams{
			Name: each.Name, MaxIops: each.MaxIops, MaxBytesPerSecond: each.MaxBytesPerSecond, Ids: texts(replacements), Device: each.Device,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
