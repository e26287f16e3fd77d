package template

import (
	"slices"

	"github.com/novacron/novacron/internal/fault"
)

// State is where a version is in its life.
type State string

// The states.
const (
	Published  State = "published"
	Current    State = "current"    // what VMs are made from unless another version is named; one of a line
	Deprecated State = "deprecated" // VMs should be made from another one
	Withdrawn  State = "withdrawn"  // no VM can be made from it any more, and its image may go
)

// Action is something that a person can do to a version.
type Action string

// The actions.
const (
	Promote   Action = "promote"
	Deprecate Action = "deprecate"
	Withdraw  Action = "withdraw"
	Delete    Action = "delete"
)

// Rule is a row of the table of states: whether VMs can be made from a version in it, and what may be done to it.
type Rule struct {
	State   State    `json:"state"`
	Default bool     `json:"default"` // VMs are made from it where only the line is named
	Named   bool     `json:"named"`   // and where it is named itself
	May     []Action `json:"may"`
}

var rules = []Rule{
	{State: Published, Named: true, May: []Action{Promote, Deprecate, Withdraw}},
	{State: Current, Default: true, Named: true, May: []Action{Deprecate, Withdraw}},
	{State: Deprecated, Named: true, May: []Action{Promote, Withdraw}},
	{State: Withdrawn, May: []Action{Delete}},
}

// Rules returns a copy of the table.
func Rules() []Rule { return slices.Clone(rules) }

func (s State) rule() Rule {
	at := slices.IndexFunc(rules, func(r Rule) bool { return r.State == s })
	if at < 0 {
		return Rule{State: s}
	}
	return rules[at]
}

// becomes is the state that an action leads to; a version that is deleted is in none.
var becomes = map[Action]State{Promote: Current, Deprecate: Deprecated, Withdraw: Withdrawn}

// Becomes is the state that the action gives a version; empty for Delete.
func (a Action) Becomes() State { return becomes[a] }

// Can says whether the action is allowed now; the error is fault.Conflict and says what to do.
func (v Version) Can(action Action) error {
	if !slices.Contains(v.State.rule().May, action) {
		switch {
		case v.State == action.Becomes():
			return fault.Conflict("version %s is %s already", v.Label(), v.State)
		case action == Delete:
			return fault.Conflict("version %s is %s; withdraw it first, so that no VM is made from it any more", v.Label(), v.State)
		}
		return fault.Conflict("version %s is %s, which is for good; publish its image as a new version", v.Label(), v.State)
	}
	if action == Delete && v.VMs > 0 {
		return fault.Conflict("%d VMs were made from version %s; it stays as long as they do", v.VMs, v.Label())
	}
	return nil
}

// Makes says whether a VM can be made from a version in that state which was named; the error is fault.Conflict and says what to do.
func (s State) Makes(label string) error {
	if !s.rule().Named {
		return fault.Conflict("version %s is %s, so no VM can be made from it; take another version", label, s).At("template")
	}
	return nil
}

// CanDelete says whether the line can go with all its versions; the error is fault.Conflict.
func (t Template) CanDelete() error {
	if t.VMs > 0 {
		return fault.Conflict("%d VMs were made from template %s; it stays as long as they do. Withdraw its versions to have no more of them", t.VMs, t.Name)
	}
	return nil
}

// NoCurrent is the fault of a line that is asked for a VM without a version, and has none that is current.
func (t Template) NoCurrent() error {
	return fault.Conflict("template %s has no current version; promote one, or name one; see: novacron template show %s", t.Name, t.Name).At("template")
}
