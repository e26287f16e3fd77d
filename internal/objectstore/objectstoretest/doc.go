// Package objectstoretest holds every driver of an object store to one contract.
//
// The package never looks behind the port: a driver's own tests do.
package objectstoretest
