// Package workflows narrates the long operations, one file each: a table of steps, each with its undo, that reads from
// top to bottom. The same tables answer dry runs (Plan), and timeline.go projects what became of them from a history.
//
// Workflow code replays: it reads no clock, no random numbers and no I/O but through Temporal, and a change that breaks
// the replay of the histories in testdata needs workflow.GetVersion.
//
// The package never touches a host, a database or a file; activities do.
package workflows
