package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/snapshot"
	"github.com/novacron/novacron/internal/store/db"
)

// SnapshotsOf returns a VM's snapshots, oldest first.
func (s *Store) SnapshotsOf(ctx context.Context, machine id.VM) ([]snapshot.Snapshot, error) {
	rows, err := s.queries.SnapshotsOf(ctx, string(machine))
	return mapRows(rows, err, func(row db.SnapshotsOfRow) (snapshot.Snapshot, error) { return snapshotOf(db.FindSnapshotRow(row)) })
}

// FindSnapshot finds a VM's snapshot by name or ID; an empty VM finds it by its ID wherever it is.
func (s *Store) FindSnapshot(ctx context.Context, machine id.VM, ref string) (snapshot.Snapshot, error) {
	row, err := s.queries.FindSnapshot(ctx, string(machine), ref)
	if err != nil {
		return snapshot.Snapshot{}, missing(err, "the VM has no snapshot %s; list them with novacron snapshot list VM", ref)
	}
	return snapshotOf(row)
}

func snapshotOf(row db.FindSnapshotRow) (snapshot.Snapshot, error) {
	found := snapshot.Snapshot{
		ID: id.Snapshot(row.ID), Project: id.Project(row.ProjectID), VM: id.VM(row.VMID), Parent: fromNull[id.Snapshot](row.ParentID),
		Name: row.Name, Description: row.Description, State: snapshot.State(row.State), Quiesced: row.Quiesced, Current: row.Current,
		CreatedAt: row.CreatedAt,
	}
	return found, unmarshal(row.Disks, &found.Disks)
}

// insertSnapshot records a snapshot that is to be taken; its parent is the VM's current one.
func (c *change) insertSnapshot(ctx context.Context, wanted snapshot.Snapshot) error {
	err := c.InsertSnapshot(ctx, db.InsertSnapshotParams{
		ID: string(wanted.ID), Name: wanted.Name, Description: wanted.Description, State: string(snapshot.Creating), Disks: marshal(wanted.Disks),
		VMID: string(wanted.VM),
	})
	if err != nil {
		return nameTaken(err, "a snapshot of this VM", wanted.Name)
	}
	return c.touchVM(ctx, wanted.VM)
}

// KeepSnapshot records that a snapshot was taken, and that its VM's disks change since it, with the event vm.changed.
func (s *Store) KeepSnapshot(ctx context.Context, of id.Snapshot, quiesced bool) error {
	return s.change(ctx, func(c *change) error {
		machine, err := c.SetSnapshot(ctx, string(snapshot.Ready), quiesced, string(of))
		if err != nil {
			return missing(err, "there is no snapshot %s; it may have been deleted", of)
		}
		return c.currentSnapshot(ctx, id.VM(machine), of)
	})
}

// RevertedTo records that a VM's disks are what they were at a snapshot, with the event vm.changed.
func (s *Store) RevertedTo(ctx context.Context, machine id.VM, of id.Snapshot) error {
	return s.change(ctx, func(c *change) error { return c.currentSnapshot(ctx, machine, of) })
}

func (c *change) currentSnapshot(ctx context.Context, machine id.VM, of id.Snapshot) error {
	if err := c.SetCurrentSnapshot(ctx, orNull(of), string(machine)); err != nil {
		return err
	}
	return c.touchVM(ctx, machine)
}

// DeleteSnapshot forgets a snapshot, with the event vm.changed; what was taken after it is its parent's. One that is gone is
// fine.
func (s *Store) DeleteSnapshot(ctx context.Context, of id.Snapshot) error {
	return s.change(ctx, func(c *change) error {
		if err := c.AdoptSnapshots(ctx, string(of)); err != nil {
			return err
		}
		machines, err := c.Queries.DeleteSnapshot(ctx, string(of))
		if err != nil || len(machines) == 0 {
			return err
		}
		return c.touchVM(ctx, id.VM(machines[0]))
	})
}
