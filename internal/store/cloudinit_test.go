package store_test

import (
	"testing"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// TestCloudInitGoesWithTheLast proves that what a guest is told stays as long as a VM or a backup refers to it, and no longer.
func TestCloudInitGoesWithTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	asked := w.provisioning("web")
	kept := store.SealedCloudInit{ID: id.New[id.CloudInit](), Sealed: []byte{1, 2, 3}}
	asked.NewCloudInit, asked.NewVM.CloudInit = &kept, kept.ID
	dry := asked
	dry.DryRun = true
	_, err := w.Accept(ctx, dry)
	must(t, err)
	_, err = w.GetCloudInit(ctx, kept.ID)
	wantFault(t, err, fault.KindNotFound, "cloud-init data")
	made, err := w.Accept(ctx, asked)
	must(t, err)
	equal(t, "VM", made.VM.CloudInit, kept.ID)
	must(t, w.EndOperation(ctx, asked.Operation.ID, store.Ending{State: operation.Succeeded}))

	taking := w.on(operation.TakeBackup, *made.VM)
	taking.NewBackup = &backup.Backup{ID: id.New[id.Backup](), Project: w.project, VM: made.VM.ID, VMName: "web", Mode: backup.Full, Spec: made.VM.Spec}
	_, err = w.Accept(ctx, taking)
	must(t, err)
	taken, err := w.GetBackup(ctx, "", taking.NewBackup.ID)
	must(t, err)
	equal(t, "backup", taken.CloudInit, kept.ID)

	must(t, w.DeleteVM(ctx, made.VM.ID))
	found, err := w.GetCloudInit(ctx, kept.ID)
	must(t, err)
	equal(t, "kept", string(found.Sealed), string(kept.Sealed))
	must(t, w.DeleteBackup(ctx, taken.ID))
	_, err = w.GetCloudInit(ctx, kept.ID)
	wantFault(t, err, fault.KindNotFound, "cloud-init data")
}
