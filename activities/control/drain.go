package control

import (
	"context"
	"encoding/json"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// Resident is a VM on a host.
type Resident struct {
	VM   id.VM  `json:"vm_id"`
	Name string `json:"name"`
}

// CordonForDrain takes a host out of placement and lists its VMs.
func (a *Activities) CordonForDrain(ctx context.Context, of id.Host) ([]Resident, error) {
	if _, err := a.Store.CordonHost(ctx, string(of), true, 0); err != nil {
		return nil, err
	}
	machines, err := a.Store.VMsOnHost(ctx, of)
	residents := make([]Resident, 0, len(machines))
	for _, each := range machines {
		residents = append(residents, Resident{VM: each.ID, Name: each.Name})
	}
	return residents, err
}

// MoveRequest asks for the migration of one VM on behalf of another operation.
type MoveRequest struct {
	Parent id.Operation `json:"parent_id"`
	Actor  string       `json:"actor"`
	VM     id.VM        `json:"vm_id"`
	Key    string       `json:"key"`
}

// AcceptMove accepts a migration, live or cold as the VM's state has it.
func (a *Activities) AcceptMove(ctx context.Context, in MoveRequest) (id.Operation, error) {
	machine, err := a.Store.GetVM(ctx, "", string(in.VM))
	if err != nil {
		return "", err
	}
	cold := machine.Can(vm.Migrate) != nil
	if err := machine.Can(vm.MigrateCold); cold && err != nil && machine.Operation == "" {
		return "", fault.Conflict("it is %s", machine.State).Because(err)
	}
	request, err := json.Marshal(operation.MigrateRequest{VM: in.VM, Cold: cold})
	if err != nil {
		return "", err
	}
	accepted, err := a.Store.Accept(ctx, store.Acceptance{
		Operation: operation.Operation{
			ID: id.New[id.Operation](), Project: machine.Project, Kind: operation.Migrate, Parent: in.Parent, Actor: in.Actor,
			Subject: operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, Request: request,
		},
		Principal: "operation:" + string(in.Parent), Key: in.Key, Claims: []string{string(machine.ID)},
	})
	return accepted.Operation.ID, err
}
