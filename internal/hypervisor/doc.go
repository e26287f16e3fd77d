// Package hypervisor is the port to whatever runs VMs on one host, in NovaCron's words. hypervisor/libvirt drives a real
// one, hypervisor/fake keeps one in memory, and hypervisortest holds both to the same contract.
//
// Every mutation is an ensure: it may be called again, after a crash or beside a living first call, and then finds what
// is there and returns the same answer. Errors are faults: NotFound for a VM that is not defined on this host,
// Unavailable when the hypervisor does not answer, Conflict when the VM's state forbids it.
//
// The package never decides and never looks anything up in the inventory.
package hypervisor
