// Package api is the HTTP face of NovaCron: gin and huma, one file a resource, problem documents for everything that goes
// wrong, the event stream, the console, and what hosts report. It validates, authorises, records, and lets workflows act.
//
// Errors from below are faults; problem.go holds the one table from fault kinds to HTTP status.
//
// The package never waits for an operation, never touches a hypervisor, and never decides a VM's state: vm.VM.Can does.
package api
