package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

const incrementBar = 20 // MiB read for 16 MiB written

// measureBackup needs no median: the bytes read do not depend on how busy the machine is.
func (b *bench) measureBackup(ctx context.Context) error {
	machine, _, err := b.provision(ctx, "backup", "shared", "start")
	if err != nil {
		return err
	}
	guest := machine.Interfaces[0].IP.String()
	limited, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	if _, err := b.lab.Await(limited, guest); err != nil {
		return err
	}
	if _, err := b.backUp(limited, machine, backup.Full); err != nil {
		return err
	}
	if err := b.lab.Ask(limited, guest, "write 16 42", nil); err != nil {
		return err
	}
	taken, err := b.backUp(limited, machine, backup.Incremental)
	if err != nil {
		return err
	}
	if taken.Mode != backup.Incremental {
		return fmt.Errorf("the backup is %s: %s", taken.Mode, taken.ModeReason)
	}
	b.atMost("incremental backup of a 1 GiB disk with 16 MiB written, bytes read", float64(taken.ReadBytes)/float64(vm.MiB), "MiB", incrementBar)
	return nil
}

func (b *bench) backUp(ctx context.Context, machine vm.VM, mode backup.Mode) (backup.Backup, error) {
	started, err := b.client.BackupVM(ctx, string(machine.ID), mode, client.Change{})
	if err != nil {
		return backup.Backup{}, err
	}
	var asked struct {
		Backup id.Backup `json:"backup_id"`
	}
	if err := json.Unmarshal(started.Operation.Request, &asked); err != nil {
		return backup.Backup{}, err
	}
	b.later(func(ctx context.Context) error {
		if _, err := b.finished(ctx, started); err != nil {
			return nil // it left no backup
		}
		deleting, err := b.client.DeleteBackup(ctx, string(asked.Backup), client.Change{})
		if err == nil {
			_, err = b.finished(ctx, deleting)
		}
		return err
	})
	if _, err := b.finished(ctx, started); err != nil {
		return backup.Backup{}, err
	}
	return b.client.Backup(ctx, string(asked.Backup))
}
