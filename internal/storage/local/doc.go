// Package local drives a pool that is a directory: of this host alone, or one that every host has mounted at the same
// path (Shared). It needs qemu-img and qemu-nbd.
//
//	novacron-pool.json                      the marker: this directory is the pool of that name
//	volumes/<volume>.qcow2 or .raw          volumes; an overlay's backing file is an absolute path into images/
//	images/<image>.<sha256>.<format>        base images, checked against their hash before they got that name
//	volumes/.creating.<volume>.<random>.…   what CreateVolume has not finished
//	images/.fetching.<image>.<sha256>.…     what EnsureImage has brought so far; the next call goes on from there
//	images/.deleting.<image>.<sha256>.…     what DeleteImage is about to remove
//
// The marker is made once, by Init or, for a host that has never seen the pool, InitOnce. Without it the pool is Unavailable: the directory may be a mount point whose file
// system is not mounted, and volumes written there would vanish under the mount. A file gets its final name only when it
// is whole and on the disk; files with a leading dot are locked (flock) by whoever works on them, and swept once nobody
// does.
//
// The package never follows a symbolic link out of the pool and never opens an image's bytes before they were checked.
package local
