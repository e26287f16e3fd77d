// Package rbd keeps volumes as images of a Ceph cluster. A volume that stands on a base image is a clone of the base's
// protected snapshot, so it costs nothing until it is written to. Volumes are raw; QEMU opens them with librbd, at the
// location that InspectVolume tells.
//
//	vol_…            a volume; its base is in its metadata too, so that it is known when the clone has been flattened
//	creating.vol_…   a volume that is being made
//	img_…            a base image, with a protected snapshot named "base"
//	fetching.img_…   a base image that is being brought, by whoever holds its exclusive lock
//
// An image that another client has open cannot be removed at once: it goes to the trash, which later calls empty.
//
// The driver needs librbd, so it is only in programs that are built with the tag ceph; in others New says so. The package
// never holds more of the cluster's rights than its user has, and never writes the user's key to a disk.
package rbd
