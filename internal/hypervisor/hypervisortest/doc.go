// Package hypervisortest is the contract of the hypervisor port as tests. Every driver runs them, the fake among them, so
// that what workflows learn from the fake holds on real hosts. Each mutation is called twice.
//
// The package never knows which driver it tests: what differs, it asks of the Stage.
package hypervisortest
