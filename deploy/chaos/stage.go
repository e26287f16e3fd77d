package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
)

// launch starts the operation of a case, once its stage is set.
type launch struct {
	start  func(ctx context.Context, target string) (operation.Operation, error)
	made   string // the name of the VM that the operation makes
	digest string // of the disk it must have
}

const namePrefix = "chaos-"

// places chooses the hosts of a case. Where power is cut, it is on a host without VMs of others.
func (r *runner) places(ctx context.Context, of trial) (source, target string, err error) {
	source, target = r.stand.hosts[0], r.stand.hosts[1]
	if !of.victim.power {
		return source, target, nil
	}
	others := map[string]bool{}
	machines, err := client.All(func(page client.Page) ([]vm.VM, string, error) {
		return r.stand.api.VMs(ctx, client.VMQuery{Page: page})
	})
	if err != nil {
		return "", "", err
	}
	for _, each := range machines {
		if !strings.HasPrefix(each.Name, namePrefix) {
			others[each.HostName] = true
		}
	}
	free := slices.IndexFunc(r.stand.hosts, func(host string) bool { return !others[host] })
	if free < 0 {
		return "", "", errors.New("every host has VMs of others, so no power may be cut; delete or move them")
	}
	dark, other := r.stand.hosts[free], r.stand.hosts[(free+1)%len(r.stand.hosts)]
	if of.victim.target {
		return other, dark, nil
	}
	return dark, other, nil
}

// stage makes what the operation needs.
func (r *runner) stage(ctx context.Context, of trial, source, _ string) (launch, error) {
	r.serial++
	name := fmt.Sprintf("%s%d-%d", namePrefix, os.Getpid(), r.serial)
	if of.act.kind == operation.Provision {
		return launch{made: name, start: func(ctx context.Context, _ string) (operation.Operation, error) {
			begun, err := r.stand.api.CreateVM(ctx, newVM(name, of.act.pool, source), client.Change{})
			return begun.Operation, err
		}}, nil
	}
	if err := r.ensureSubject(ctx, of, source); err != nil {
		return launch{}, err
	}
	switch of.act.kind {
	case operation.Migrate:
		return r.stageMigration(ctx, of)
	case operation.TakeBackup:
		mode := backup.Full
		if of.act.name == "backup-incremental" {
			mode = backup.Incremental
			if _, err := r.ensureBackup(ctx); err != nil {
				return launch{}, err
			}
		}
		return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
			begun, err := r.stand.api.BackupVM(ctx, r.subject.name, mode, client.Change{})
			return begun.Operation, err
		}}, nil
	case operation.Restore:
		taken, err := r.ensureBackup(ctx)
		if err != nil {
			return launch{}, err
		}
		if of.act.anew {
			return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
				begun, err := r.stand.api.RestoreBackup(ctx, string(taken.ID), client.Restore{InPlace: true, Start: true}, client.Change{})
				return begun.Operation, err
			}}, nil
		}
		wanted := client.Restore{Name: name, Host: source, Pool: of.act.pool, Start: boots(of)}
		return launch{made: name, digest: r.subject.guest.digest, start: func(ctx context.Context, _ string) (operation.Operation, error) {
			begun, err := r.stand.api.RestoreBackup(ctx, string(taken.ID), wanted, client.Change{})
			return begun.Operation, err
		}}, nil
	case operation.CloneVM:
		return r.stageClone(of, name), nil
	case operation.MoveDisk:
		return r.stageDiskMove(ctx, of)
	case operation.GrowDisk:
		return r.stageGrowth(ctx)
	case operation.TakeSnapshot, operation.RevertSnapshot, operation.DeleteSnapshot:
		return r.stageSnapshot(ctx, of.act.kind)
	case operation.AttachVolume, operation.DetachVolume:
		return r.stageVolume(ctx, of.act.kind == operation.AttachVolume)
	case operation.Delete:
		return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
			begun, err := r.stand.api.DeleteVM(ctx, r.subject.name, client.Change{})
			return begun.Operation, err
		}}, nil
	default:
		return launch{}, fmt.Errorf("BUG: the campaign cannot start a %s", of.act.kind)
	}
}

// boots says whether a VM that is made is also started: its guest takes long, so only where that is what is interrupted.
func boots(of trial) bool { return has("start await_guest commit", of.step) }

func (r *runner) stageClone(of trial, name string) launch {
	wanted := client.Clone{Name: name, Pool: of.act.pool, Start: boots(of)}
	return launch{made: name, digest: r.subject.guest.digest, start: func(ctx context.Context, target string) (operation.Operation, error) {
		wanted.Host = target
		begun, err := r.stand.api.CloneVM(ctx, r.subject.name, wanted, client.Change{})
		return begun.Operation, err
	}}
}

func (r *runner) stageMigration(ctx context.Context, of trial) (launch, error) {
	cold := of.act.anew
	if cold {
		if err := r.stand.power(ctx, r.subject.name, vm.Stop); err != nil {
			return launch{}, err
		}
	}
	var limits precopy.Limits
	if of.act.cancel != "" { // it must last until it is cancelled
		limits.BandwidthBytes = moveBandwidth
	}
	return launch{start: func(ctx context.Context, target string) (operation.Operation, error) {
		begun, err := r.stand.api.MigrateVM(ctx, r.subject.name, client.Migration{To: target, Cold: cold, Limits: limits}, client.Change{})
		return begun.Operation, err
	}}, nil
}

// anyPool is where a VM is whose disk moves back and forth.
const anyPool = ""

// moveBandwidth lets what is moved take some seconds.
const moveBandwidth = 8 << 20

// stageDiskMove moves the disk to whichever of two pools it is not in.
func (r *runner) stageDiskMove(ctx context.Context, of trial) (launch, error) {
	r.subject.pool = anyPool
	if of.act.anew {
		if err := r.stand.power(ctx, r.subject.name, vm.Stop); err != nil {
			return launch{}, err
		}
	}
	disks, err := r.stand.api.Disks(ctx, r.subject.name)
	if err != nil || len(disks) == 0 {
		return launch{}, fmt.Errorf("the disks of %s: %d, %w", r.subject.name, len(disks), err)
	}
	to := client.DiskMove{Pool: "shared", BandwidthBytes: moveBandwidth}
	if disks[0].Pool == to.Pool {
		to.Pool = "local"
	}
	return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
		begun, err := r.stand.api.MoveDisk(ctx, r.subject.name, disks[0].Device, to, client.Change{})
		return begun.Operation, err
	}}, nil
}

func newVM(name, pool, host string) client.NewVM {
	return client.NewVM{
		Name: name, Image: "guest", CPUs: 1, MemoryBytes: memory, DiskBytes: disk, Pool: pool, Host: host,
		CloudInit: &cloudinit.CloudInit{UserData: "#!/bin/sh\n"}, // so that there are seeds to be left behind
	}
}

// power switches a VM on or off between the faults.
func (s *stand) power(ctx context.Context, name string, action vm.Action) error {
	begun, err := s.api.SwitchVM(ctx, name, action, client.Power{}, client.Change{})
	if err != nil {
		return err
	}
	return s.worked(ctx, begun)
}

// ensureSubject keeps the VM of the case before if it will do.
func (r *runner) ensureSubject(ctx context.Context, of trial, source string) error {
	if r.subject != nil && (r.subject.pool == of.act.pool || of.act.kind == operation.MoveDisk && r.subject.pool == anyPool) && (!of.victim.power || r.isOn(ctx, source)) {
		return nil
	}
	r.discard(ctx)
	name := fmt.Sprintf("%s%d-vm%d", namePrefix, os.Getpid(), r.serial)
	begun, err := r.stand.api.CreateVM(ctx, newVM(name, of.act.pool, source), client.Change{})
	if err != nil {
		return err
	}
	r.subject = &subject{name: name, pool: of.act.pool}
	if err := r.stand.worked(ctx, begun); err != nil {
		return err
	}
	machine, err := r.stand.api.VM(ctx, name)
	if err != nil {
		return err
	}
	r.subject.guest, err = r.stand.prepare(ctx, machine)
	return err
}

func (r *runner) isOn(ctx context.Context, host string) bool {
	machine, err := r.stand.api.VM(ctx, r.subject.name)
	return err == nil && machine.HostName == host
}

// seats says where the subject is now, and which other host it can go to.
func (r *runner) seats(ctx context.Context, of trial, wanted string) (source, target string, err error) {
	machine, err := r.stand.api.VM(ctx, r.subject.name)
	if err != nil {
		return "", "", err
	}
	if of.victim.power && of.victim.target && machine.HostName != wanted {
		return machine.HostName, wanted, nil
	}
	at := slices.Index(r.stand.hosts, machine.HostName)
	if of.act.kind == operation.Restore && !of.act.anew {
		// The new VM is made on the first host; see places.
		source, target, err = r.places(ctx, of)
		return source, target, err
	}
	return machine.HostName, r.stand.hosts[(at+1)%len(r.stand.hosts)], nil
}

// ensureBackup returns the newest backup of the subject that can be restored, and takes one if there is none.
func (r *runner) ensureBackup(ctx context.Context) (backup.Backup, error) {
	for range 2 {
		taken, _, err := r.stand.api.Backups(ctx, r.subject.name, client.Page{Limit: 50})
		if err != nil {
			return backup.Backup{}, err
		}
		for _, each := range taken {
			if each.State == backup.Ready {
				return each, nil
			}
		}
		begun, err := r.stand.api.BackupVM(ctx, r.subject.name, backup.Full, client.Change{})
		if err == nil {
			err = r.stand.worked(ctx, begun)
		}
		if err != nil {
			return backup.Backup{}, err
		}
	}
	return backup.Backup{}, errors.New("a backup succeeded and is not in the list of backups")
}
