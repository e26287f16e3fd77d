// Package worker is what a worker process is: how it registers with Temporal, how a host enrols, reconciles, reports and
// serves consoles, and what the control plane does between operations (the outbox, the sweep, the archive).
//
// The package never decides what an operation does; workflows do.
package worker
