// Package storagetest holds every driver of a storage pool to one contract.
//
// The package never looks behind the port: a driver's own tests do.
package storagetest
