// Package iso9660 writes small read-only images with a few files in their root directory, such as the seeds of cloud-init:
// ISO 9660 (ECMA-119) with the Rock Ridge names of IEEE P1282, which Linux shows instead of the upper-case ones.
//
// The same files give the same bytes, on any host and at any time, and nothing is written anywhere on the way.
package iso9660
