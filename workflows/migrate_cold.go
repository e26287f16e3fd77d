package workflows

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// coldSteps moves a VM that is off: its disks where storage is not shared, then its definition.
var coldSteps = []step[migration]{
	{name: "place", title: "Check both hosts and how the disks get there", do: (*migration).place},
	{name: "fetch_image", title: "Bring the image of the disks to the target (where storage is not shared)", do: (*migration).fetchImages, needless: (*migration).copiesNoImage},
	{
		name: "prepare_disks", title: "Create the disks on the target (where storage is not shared)", do: (*migration).createCopies,
		undo: (*migration).deleteVolumes, undoes: "Delete the disks on the target", leak: (*migration).volumeLeak, needless: (*migration).sharesAll,
	},
	{
		name: "copy_disks", title: "Copy the disks over the network (where storage is not shared)", do: (*migration).copyDisks,
		undo: (*migration).withdrawDisks, undoes: "Withdraw the source's offer of its disks", needless: (*migration).sharesAll,
	},
	{
		name: "connect_network", title: "Connect the network on the target", do: (*migration).connect,
		undo: (*migration).disconnect, undoes: "Disconnect the network on the target", leak: (*migration).portLeak,
	},
	{
		name: "define", title: "Define the VM on the target", do: (*migration).defineThere,
		undo: (*migration).undefine, undoes: "Undefine it on the target", leak: (*migration).domainLeak,
	},
	{name: "commit", title: "Record the new host", do: (*migration).commitCold, noReturn: true},
	{name: "clean_source", title: "Clean up the host it came from", do: (*migration).cleanCold},
}

// drawTicket draws what a host shows to read another one's disks: 32 random bytes that only the two hosts and the history
// know, drawn once, so that a retry finds the first attempt's offer.
func drawTicket(ctx workflow.Context) (string, error) {
	var drawn string
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails, as its documentation says
		return hex.EncodeToString(secret)
	}).Get(&drawn)
	return drawn, err
}

func (m *migration) copyDisks(ctx workflow.Context) error {
	ticket, err := drawTicket(ctx)
	if err != nil {
		return err
	}
	m.secret = ticket
	for _, each := range m.plan.Copy {
		offer := host.Offer{Ticket: ticket, Pool: each.Pool, Volume: each.ID}
		if _, err := atHost[struct{}](ctx, m.source.at, toHost.OfferDisk, host.OfferRequest{On: m.source.on(), Offer: offer}); err != nil {
			return err
		}
		_, err := atHost[struct{}](ctx, m.at, toHost.CopyVolume, host.CopyRequest{
			On: m.on(), Pool: each.Pool, Volume: each.ID, From: fmt.Sprintf("%s:%d", m.plan.SourceAddress, host.OfferPort), Ticket: ticket,
		})
		if err != nil {
			return err
		}
	}
	return m.withdrawDisks(ctx)
}

func (m *migration) withdrawDisks(ctx workflow.Context) error {
	if m.secret == "" {
		return nil
	}
	_, err := atHost[struct{}](ctx, m.source.at, toHost.WithdrawDisk, host.OfferRequest{On: m.source.on(), Offer: host.Offer{Ticket: m.secret}})
	return err
}

func (m *migration) defineThere(ctx workflow.Context) error {
	whole := m.seat
	whole.machine.Volumes = m.plan.Machine.Volumes
	return whole.define(ctx)
}

func (m *migration) commitCold(ctx workflow.Context) error {
	m.state = vm.Stopped
	if err := m.commitMove(ctx); err != nil {
		return err
	}
	// Disks that were copied while the VM was off bring no bitmaps along.
	m.checkpoints = nil
	return m.adoptCheckpoints(ctx)
}

func (m *migration) cleanCold(ctx workflow.Context) error {
	if err := m.source.undefine(ctx); err != nil {
		runOf(ctx).leaks = append(runOf(ctx).leaks, operation.Leak{
			Kind: "domain", ID: string(m.request.VM), Host: m.source.at, Detail: runOf(ctx).problemOf(err).Message,
		})
	}
	return m.cleanSource(ctx)
}
