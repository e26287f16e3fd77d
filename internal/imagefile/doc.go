// Package imagefile tells what a disk image is from its own bytes, before any program opens it. A qcow2 header can name
// other files of the machine that opens it (a backing file, an external data file), so an image that a user sent is
// opened only after Identify has found nothing of the kind. Errors are fault.Invalid and say how to make the image fit.
//
// The layout of qcow2 is that of QEMU's docs/interop/qcow2.txt.
//
// The package never writes, and never follows a name that it finds in an image.
package imagefile
