// Package nbddisk lets backups read disks and restores write them over NBD: a Source from an export with its metadata
// contexts, and a Sink.
//
// The package never begins or ends an export; whoever did says where it is.
package nbddisk
