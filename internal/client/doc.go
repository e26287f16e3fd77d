// Package client speaks the HTTP API in the nouns' own words. Errors are faults, wrapped in a Refusal that keeps the
// HTTP status; a server that cannot be reached is fault.Unavailable.
//
// Requests that may be repeated are: reading ones, and those that start an operation, since each carries an idempotency
// key. The package never prints, never reads a configuration file and never decides what a user meant.
package client
