// Package fake serves disks that live in memory over NBD on a unix socket: for tests, and for the fakes of hypervisor and
// storage. It speaks what nbd speaks, so that readers of backups meet the same protocol as with QEMU.
//
// The package never keeps anything beyond its process.
package fake
