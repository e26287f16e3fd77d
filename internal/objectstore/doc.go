// Package objectstore is the port to a flat store of immutable objects: backups and images live there. objectstore/dir
// keeps them in a directory, objectstore/fake in memory, and objectstoretest holds both to the same contract.
//
// Keys are slash-separated paths of letters, digits, dots, hyphens and underscores. An object is complete or absent:
// readers never see part of one. Errors are faults: NotFound, Exhausted (no room), Unavailable, Invalid (a bad key).
//
// The package never interprets an object and never lists more than it is asked for.
package objectstore
