// Package fake keeps the networks of a host in memory, and fails when it is told to.
//
// The package never touches the machine's networks.
package fake
