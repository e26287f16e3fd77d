package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// VMFilter chooses VMs; empty fields choose all.
type VMFilter struct {
	Project id.Project
	State   vm.State
	Host    string // name or ID
	Query   string // part of the name
	Cursor  string // from the page before
	Limit   int    // 1 to MaxPage; 0 means DefaultPage
}

// VMChange is what a user may change of a VM; nil leaves a field as it is.
type VMChange struct {
	Name        *string
	Description *string
}

// SetState is what became true of a VM.
type SetState struct {
	State     vm.State     // empty leaves it
	Host      *id.Host     // nil leaves it, empty takes the VM off its host
	Operation id.Operation // who says so, for the event; empty for an observation
	Reserve   bool         // with Host: Exhausted if the host cannot promise what the VM needs, checked without races
	IfFree    bool         // Conflict if an operation holds the VM: what was observed then is the operation's own doing
}

// GetVM finds a VM by name or ID.
func (s *Store) GetVM(ctx context.Context, project id.Project, ref string) (vm.VM, error) {
	return vm.VM{}, errUnbuilt
}

// ListVMs returns a page by name and the cursor of the next page, empty at the end.
func (s *Store) ListVMs(ctx context.Context, filter VMFilter) ([]vm.VM, string, error) {
	return nil, "", errUnbuilt
}

// UpdateVM changes a VM and returns it as it is now. ifMatch is the generation at which it was read, 0 to change it
// whatever it is; Conflict if it has changed since, or if the name is taken (at "name").
func (s *Store) UpdateVM(ctx context.Context, project id.Project, ref string, change VMChange, ifMatch int64) (vm.VM, error) {
	return vm.VM{}, errUnbuilt
}

// SetVMState records what became true, with the event vm.<state>, or vm.placed or vm.moved if only the host changed.
// Nothing is written if it was recorded already.
func (s *Store) SetVMState(ctx context.Context, machine id.VM, became SetState) error { return errUnbuilt }

// DeleteVM removes the VM with its interfaces, volumes and schedules from the inventory; a VM that is gone is fine.
func (s *Store) DeleteVM(ctx context.Context, machine id.VM) error { return errUnbuilt }

// VMsOnHost returns the VMs that the inventory places on the host, by name.
func (s *Store) VMsOnHost(ctx context.Context, hostID id.Host) ([]vm.VM, error) { return nil, errUnbuilt }
