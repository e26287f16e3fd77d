// Package analytics works out what the telemetry means: capacity plans from the use of hosts and pools over time.
//
// The package is pure: it never reads a clock, a database or a host, and it never acts on what it finds.
package analytics
