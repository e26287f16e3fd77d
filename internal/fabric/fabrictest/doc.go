// Package fabrictest is the contract of the fabric port, as tests that every driver and the fake run.
//
// The package never looks behind the port: what a driver leaves on the machine is for the driver's own tests.
package fabrictest
