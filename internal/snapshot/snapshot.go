// Package snapshot is the noun for what a VM's disks were at an instant.
//
// The package never touches storage.
package snapshot

import (
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// State is where a snapshot is in its life.
type State string

// The states.
const (
	Creating State = "creating"
	Ready    State = "ready"
	Deleting State = "deleting"
)

// MostOfVM is how many snapshots a VM may have: each makes the bookkeeping of its disks slower.
const MostOfVM = 32

// Snapshot is what a VM's disks were at an instant. It lies within the disks and stands on no other, so that each can go by
// itself; the tree says what was changed since what.
type Snapshot struct {
	ID          id.Snapshot `json:"id"`
	Project     id.Project  `json:"project_id"`
	VM          id.VM       `json:"vm_id"`
	Parent      id.Snapshot `json:"parent_id,omitempty" doc:"The snapshot that the disks had changed since when this one was taken"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	State       State       `json:"state" enum:"creating,ready,deleting"`
	Quiesced    bool        `json:"quiesced" doc:"The guest's file systems were frozen, or it was off; else its disks are as after a power cut"`
	Current     bool        `json:"current" doc:"The VM's disks have changed since this one"`
	Disks       []Disk      `json:"disks"`
	CreatedAt   time.Time   `json:"created_at"`
}

// Disk is a disk that a snapshot holds.
type Disk struct {
	Volume    id.Volume `json:"volume_id"`
	Device    string    `json:"device" example:"vda"`
	SizeBytes int64     `json:"size_bytes"`
}

// CheckCount says whether a VM that has so many may have one more; the error is fault.Exhausted.
func CheckCount(has int) error {
	if has >= MostOfVM {
		return fault.Exhausted("the VM has %d snapshots, which is all that it may have; delete one first", has)
	}
	return nil
}

// Usable says whether the VM can be set back to it; the error is fault.Conflict.
func (s Snapshot) Usable() error {
	if s.State != Ready {
		return fault.Conflict("snapshot %s is %s, so the VM cannot be set back to it", s.Name, s.State)
	}
	return nil
}

// Node is a snapshot in its tree.
type Node struct {
	Snapshot
	Depth int // 0 for one without a parent
}

// Tree orders a VM's snapshots, which come oldest first, so that each follows its parent. One whose parent is not among them
// is a root.
func Tree(all []Snapshot) []Node {
	known := map[id.Snapshot]bool{}
	for _, each := range all {
		known[each.ID] = true
	}
	children := map[id.Snapshot][]Snapshot{}
	for _, each := range all {
		parent := each.Parent
		if !known[parent] {
			parent = ""
		}
		children[parent] = append(children[parent], each)
	}
	var nodes []Node
	var walk func(parent id.Snapshot, depth int)
	walk = func(parent id.Snapshot, depth int) {
		for _, each := range children[parent] {
			nodes = append(nodes, Node{Snapshot: each, Depth: depth})
			walk(each.ID, depth+1)
		}
	}
	walk("", 0)
	return nodes
}
