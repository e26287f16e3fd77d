// Package control holds the activities of the control plane: they read and write the inventory, choose places, and start
// and await other operations, on the task queue control.
//
// Every activity is an ensure, as in activities/host. The short ones that only keep the books (Begin, SetState, Finish …)
// run as local activities.
//
// The package never contacts a host.
package control
