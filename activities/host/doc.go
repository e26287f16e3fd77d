// Package host holds the activities that run on a host's own worker, on the task queue host.<host id>: they act on its
// hypervisor, pools, networks and on the backup repository it reaches.
//
// Every activity is an ensure: it may run again after a crash, or beside an attempt that the control plane has given up
// on, and then inspects, re-attaches and returns the same answer. Attempts on one VM or volume take turns in a process.
//
// The package never decides what should be done and never reads or writes the inventory.
package host
