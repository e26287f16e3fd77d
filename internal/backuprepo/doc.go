// Package backuprepo keeps backups of disks in an object store. Its format is docs/backup-format.md.
//
// A disk is cut into chunks of 64 KiB. A backup of a disk is a manifest that names every chunk that is not zero, with
// its hash and where it is stored; so each backup is complete in itself. An incremental one takes over its parent's
// entries for what did not change, and whatever is stored already, in the parent or earlier in the same run, is not
// stored again. Chunks are compressed and packed into objects of about 16 MiB.
//
// Everything a run writes lies under its backup's ID, so an unfinished backup is deleted like a finished one. Packs that
// other backups still need outlive the backup that wrote them; the repository itself keeps track of that. Several hosts
// may use one repository at the same time, as long as each backup's disk has one writer that the caller believes in: an
// older writer that comes back to life is fenced off.
//
// Damage is found by hash when it is read, never passed on, and described by DamageOf.
//
// The package never encrypts, never decides which backup to keep, and never talks to a hypervisor.
package backuprepo
