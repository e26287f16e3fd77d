// Package lab reaches into a running lab of simulated hosts: programs on a host, sockets of its libvirt, and connections
// to guests as a client outside of the VM network sees them. Tests, benchmarks and the fault campaign use it; lab.sh is
// what brings the hosts up.
//
// The package never starts a lab, and it is never part of a product's binary.
package lab
