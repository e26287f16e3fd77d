// Package fake is a hypervisor that keeps its hosts in memory: definitions, power, guests, migrations whose convergence
// follows a settable load, disks with dirty bitmaps, and exports that are really served over NBD. Hosts of one Cluster
// see the same shared disks and migrate VMs to each other. Any method can be made to fail, before or after its effect.
//
// Time does not pass by itself: each reading of MigrationStatus lets one more round happen.
//
// The package never starts a process and never touches a file but the NBD sockets of its exports.
package fake
