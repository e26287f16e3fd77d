// Package placement decides which host gets a VM, from what the inventory knows of all hosts at one instant.
//
// The package never reserves anything, never contacts a host and never reads a clock.
package placement
