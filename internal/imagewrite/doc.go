// Package imagewrite makes a qcow2 file of a disk as a stream: from its beginning to its end, without a copy on the way, in a
// length that is known before.
//
// The package never reads a file; imagefile does.
package imagewrite
