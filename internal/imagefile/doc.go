// Package imagefile tells what a disk image is from its own bytes, before any program opens it. Most formats can name
// other files of the machine that opens them (a backing file, a parent, an extent), so an image that a user sent is
// opened only after this package has found nothing of the kind, and no table that claims more than the file holds. Errors
// are fault.Invalid and say how to make the image fit.
//
// The layouts are those of QEMU's docs/interop/qcow2.txt, VMware's Virtual Disk Format 5.0, Microsoft's MS-VHDX and VHD
// Specification 1.0, the comments of QEMU's block/vdi.c, and DMTF's DSP0243 for the OVA.
//
// The package never writes, and never follows a name that it finds in an image.
package imagefile
