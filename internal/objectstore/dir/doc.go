// Package dir is an object store in a directory, which several hosts may have mounted.
//
//	novacron-objects.json      the marker: this directory is a store
//	objects/<key>              objects; the key's slashes are directories
//	incoming/<random>          what Put has not finished; swept when it is a day old
//
// The marker is made once, by Init or, for a host that has never seen the store, InitOnce. Without it the store is Unavailable: the directory may be a mount point whose file
// system is not mounted, and backups written there would vanish under the mount. An object is written aside, synced,
// renamed, and its directory synced, before Put returns. A key cannot also be a directory of other keys: Conflict.
//
// The package never follows a key out of its directory.
package dir
