package store

import (
	"context"
	"strings"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/vm"
)

// VMFilter chooses VMs; empty fields choose all.
type VMFilter struct {
	Project  id.Project
	State    vm.State
	Host     string      // name or ID
	Query    string      // part of the name
	Template id.Template // that they were made from
	Version  id.TemplateVersion
	Cursor   string // from the page before
	Limit    int    // 1 to MaxPage; 0 means DefaultPage
}

// VMChange is what a user may change of a VM; nil leaves a field as it is.
type VMChange struct {
	Name        *string
	Description *string
}

// vmFacts is the data of a VM's events: enough to show it without reading it.
type vmFacts struct {
	Name     string   `json:"name"`
	State    vm.State `json:"state,omitempty"`
	Was      vm.State `json:"was,omitempty"` // if the state changed
	Host     id.Host  `json:"host_id,omitempty"`
	FromHost id.Host  `json:"from_host_id,omitempty"` // if the host changed
}

// GetVM finds a VM by name or ID.
func (s *Store) GetVM(ctx context.Context, project id.Project, ref string) (vm.VM, error) {
	found, err := findVM(ctx, s.queries, project, ref)
	return found, translate(err)
}

func findVM(ctx context.Context, queries *db.Queries, project id.Project, ref string) (vm.VM, error) {
	rows, err := queries.FindVM(ctx, ref, string(project))
	switch {
	case err != nil:
		return vm.VM{}, err
	case len(rows) == 0:
		return vm.VM{}, noVM(ref)
	case len(rows) > 1:
		return vm.VM{}, ambiguous("VM", ref)
	}
	return vmOf(rows[0])
}

func noVM(ref string) error {
	return fault.NotFound("there is no VM %s in this project; list them with novacron vm list", ref)
}

func ambiguous(what, ref string) error {
	return fault.Conflict("several projects have a %s named %s; choose a project, or use its ID", what, ref)
}

func vmOf(row db.VMRecord) (vm.VM, error) {
	found := vm.VM{
		ID: id.VM(row.ID), Project: id.Project(row.ProjectID), Name: row.Name, Description: row.Description,
		State: vm.State(row.State), Host: fromNull[id.Host](row.HostID), HostName: row.HostName, Image: fromNull[id.Image](row.ImageID),
		Template: vm.Origin{Template: id.Template(row.TemplateID), Version: id.TemplateVersion(row.TemplateVersion), Label: row.Template},
		Spec:     vm.Spec{CPUs: int(row.CPUs), MemoryBytes: row.MemoryBytes},
		Volumes:  make([]id.Volume, len(row.VolumeIDs)), Operation: id.Operation(row.OperationID), OperationOf: row.OperationKind,
		Snapshots: int(row.Snapshots), Snapshot: id.Snapshot(row.SnapshotID), CloudInit: id.CloudInit(row.CloudInitID),
		Generation: row.Generation, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	for i, disk := range row.VolumeIDs {
		found.Volumes[i] = id.Volume(disk)
	}
	err := unmarshal(row.Interfaces, &found.Interfaces)
	return found, err
}

// ListVMs returns a page by name and the cursor of the next page, empty at the end.
func (s *Store) ListVMs(ctx context.Context, filter VMFilter) ([]vm.VM, string, error) {
	size, err := pageSize(filter.Limit)
	if err != nil {
		return nil, "", err
	}
	after, err := decodeCursor(filter.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	hostID, err := s.hostID(ctx, filter.Host)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.queries.ListVMs(ctx, db.ListVMsParams{
		ProjectID: string(filter.Project), State: string(filter.State), HostID: hostID, Pattern: containing(filter.Query),
		TemplateID: string(filter.Template), TemplateVersion: string(filter.Version),
		AfterName: after[0], AfterID: after[1], PageSize: int32(size + 1),
	})
	found, err := mapRows(rows, err, vmOf)
	page, next := cutPage(found, size, func(v vm.VM) []string { return []string{v.Name, string(v.ID)} })
	return page, next, err
}

// containing is the LIKE pattern of names that contain the query; they are lower case.
func containing(query string) string {
	if query == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(query)) + "%"
}

// VMsOnHost returns the VMs that the inventory places on the host, by name.
func (s *Store) VMsOnHost(ctx context.Context, hostID id.Host) ([]vm.VM, error) {
	rows, err := s.queries.VMsOnHost(ctx, orNull(hostID))
	return mapRows(rows, err, vmOf)
}

// UpdateVM changes a VM and returns it as it is now. ifMatch is the generation at which it was read, 0 to change it
// whatever it is; Conflict if it has changed since, or if the name is taken (at "name").
func (s *Store) UpdateVM(ctx context.Context, inProject id.Project, ref string, wanted VMChange, ifMatch int64) (vm.VM, error) {
	if wanted.Name != nil {
		if err := project.CheckName(*wanted.Name); err != nil {
			return vm.VM{}, err
		}
	}
	var updated vm.VM
	err := s.change(ctx, func(c *change) error {
		found, err := findVM(ctx, c.Queries, inProject, ref)
		if err != nil {
			return err
		}
		locked, err := c.LockVM(ctx, string(found.ID))
		if err != nil {
			return missing(err, "VM %s was deleted just now", found.Name)
		}
		if ifMatch != 0 && locked.Generation != ifMatch {
			return changedSince("VM", locked.Name, locked.Generation, ifMatch)
		}
		if err := c.updateVM(ctx, locked, wanted); err != nil {
			return err
		}
		updated, err = findVM(ctx, c.Queries, "", string(found.ID))
		return err
	})
	return updated, err
}

func (c *change) updateVM(ctx context.Context, locked db.LockVMRow, wanted VMChange) error {
	name, description := locked.Name, locked.Description
	if wanted.Name != nil {
		name = *wanted.Name
	}
	if wanted.Description != nil {
		description = *wanted.Description
	}
	if name == locked.Name && description == locked.Description {
		return nil
	}
	c.emit(event.Event{Type: "vm.changed", Project: locked.ProjectID, SubjectKind: "vm", SubjectID: locked.ID},
		vmFacts{Name: name, State: vm.State(locked.State), Host: fromNull[id.Host](locked.HostID)})
	return nameTaken(c.UpdateVM(ctx, name, description, locked.ID), "a VM in this project", name)
}

// DeleteVM removes the VM with its interfaces, volumes and schedules from the inventory; a VM that is gone is fine. Volumes
// with a name stay, attached to none.
func (s *Store) DeleteVM(ctx context.Context, machine id.VM) error {
	return s.change(ctx, func(c *change) error {
		if err := c.ReleaseVolumesOf(ctx, string(machine)); err != nil {
			return err
		}
		if err := c.DeleteVolumesOf(ctx, string(machine)); err != nil {
			return err
		}
		deleted, err := c.DeleteVM(ctx, string(machine))
		if err != nil {
			return gone(err)
		}
		c.emit(event.Event{Type: "vm.deleted", Project: deleted.ProjectID, SubjectKind: "vm", SubjectID: string(machine)},
			vmFacts{Name: deleted.Name})
		return nil
	})
}
