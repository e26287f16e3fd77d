// Package netfs drives a pool on a network file system, which it mounts: NFS, CIFS, GlusterFS or sshfs. On the mount the pool
// is a directory that all hosts share, and storage/local drives it.
//
// Nothing may land in the empty directory below a mount that is missing. Three things see to that: the directory is made
// immutable where its file system can do that, the pool's marker is looked for, and before each use the kernel is asked
// whether the right file system is mounted there. A mount that has died is taken away and made again; one whose server is
// silent is reported, with the reason, until the server is back.
//
// Mounts outlive the process, since guests have files open on them. The package never writes a key to a disk: what mount
// programs have to read from a file is kept in memory, below RuntimeDir.
package netfs
