// Package monitor shows how the control plane is: Prometheus metrics, and whether it lives and is ready.
//
// The package never decides anything by what it sees, and its labels never hold names, IDs or secrets of tenants.
package monitor
