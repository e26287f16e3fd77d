package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/snapshot"
)

// stageSnapshot keeps one snapshot of the subject, of which it has one more at most.
func (r *runner) stageSnapshot(ctx context.Context, kind operation.Kind) (launch, error) {
	has, err := r.stand.api.Snapshots(ctx, r.subject.name)
	if err != nil {
		return launch{}, err
	}
	if len(has) == 0 && kind != operation.TakeSnapshot {
		if has, err = r.snapshot(ctx); err != nil {
			return launch{}, err
		}
	}
	for len(has) > 1 {
		begun, err := r.stand.api.DeleteSnapshot(ctx, r.subject.name, has[0].Name, client.Change{})
		if err == nil {
			err = r.stand.worked(ctx, begun)
		}
		if err != nil {
			return launch{}, err
		}
		has = has[1:]
	}
	name := r.snapshotName()
	return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
		var begun client.Started
		var err error
		switch kind {
		case operation.TakeSnapshot:
			begun, err = r.stand.api.TakeSnapshot(ctx, r.subject.name, name, "", client.Change{})
		case operation.RevertSnapshot:
			begun, err = r.stand.api.RevertSnapshot(ctx, r.subject.name, has[0].Name, nil, client.Change{})
		default:
			begun, err = r.stand.api.DeleteSnapshot(ctx, r.subject.name, has[0].Name, client.Change{})
		}
		return begun.Operation, err
	}}, nil
}

func (r *runner) snapshotName() string { return fmt.Sprintf("s%d", r.serial) }

func (r *runner) snapshot(ctx context.Context) ([]snapshot.Snapshot, error) {
	begun, err := r.stand.api.TakeSnapshot(ctx, r.subject.name, r.snapshotName()+"-before", "", client.Change{})
	if err == nil {
		err = r.stand.worked(ctx, begun)
	}
	if err != nil {
		return nil, err
	}
	return r.stand.api.Snapshots(ctx, r.subject.name)
}

// snapshotsIn compares the snapshots that the files of a pool hold with those that the inventory knows.
func (s *stand) snapshotsIn(ctx context.Context, where, pool string, known map[id.Snapshot]bool, note noter) error {
	files, _ := os.ReadDir(filepath.Join(pool, "volumes")) // a pool without volumes may lack the directory
	for _, each := range files {
		if filepath.Ext(each.Name()) != ".qcow2" || strings.HasPrefix(each.Name(), ".") {
			continue
		}
		output, err := exec.CommandContext(ctx, "qemu-img", "info", "-U", "--output=json", filepath.Join(pool, "volumes", each.Name())).Output()
		if err != nil {
			continue // it went meanwhile, or its base is seen by its host only, whose driver's contract covers this
		}
		var said struct{ Snapshots []struct{ Name string } }
		if err := json.Unmarshal(output, &said); err != nil {
			return err
		}
		for _, one := range said.Snapshots {
			if !known[id.Snapshot(one.Name)] {
				note("snapshot %s in %s of %s", one.Name, each.Name(), where)
			}
		}
	}
	return nil
}

// snapshots is all that the inventory knows.
func (s *stand) snapshots(ctx context.Context, of inventory) (map[id.Snapshot]bool, error) {
	known := map[id.Snapshot]bool{}
	for _, machine := range of.vms {
		if machine.Snapshots == 0 {
			continue
		}
		all, err := s.api.Snapshots(ctx, string(machine.ID))
		if err != nil {
			return nil, err
		}
		for _, each := range all {
			known[each.ID] = each.State == snapshot.Ready
		}
	}
	return known, nil
}
