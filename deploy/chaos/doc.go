// Chaos is the fault campaign: on a running stack with a lab it provisions, migrates, backs up, restores and deletes VMs,
// and kills one process, or cuts the power of one host, at each activity's boundaries and in its middle. After each case
// the operation must have ended, at most one host may run the VM, its guest's memory and disk must be sound, and nothing
// may be left that the inventory does not know. It prints a line a case, and exits with 1 if anything was lost or left.
//
// Cases that leave the VM sound share it with the next ones, since a guest takes longer to boot than an operation to run.
// It never touches VMs of others: where the power of a host is cut, the host is one that runs none of them.
package main
