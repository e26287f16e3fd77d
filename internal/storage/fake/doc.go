// Package fake is a storage pool in memory. Volumes have content, which ServeVolume really serves over NBD and which a
// fake hypervisor reaches through Disk. Before and After inject faults: an error from Before means that the call did
// nothing, one from After that it did its work and the answer was lost.
//
// The package never decodes qcow2: an overlay of a qcow2 image has the image's size and reads as zeroes.
package fake
