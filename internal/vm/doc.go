// Package vm is the noun for a virtual machine: what it is made of, the states it can be in, and which action is
// allowed in which state. The table of transitions here is the only one: the API refuses by it, workflows move by it,
// and the UI enables its buttons by a copy that the API serves.
//
// The package never talks to a hypervisor and never reads a clock.
package vm
