// Package imageconvert makes a disk image of one format into one of another with qemu-img. What goes in has been examined
// by imagefile, is opened with the driver of the format that was found and without a backing file, and what comes out is
// examined again. The program runs with bounded memory and a bounded file, and ends with its context.
//
// The package never lets QEMU guess a format.
package imageconvert
