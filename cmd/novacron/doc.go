// Command novacron is the command line of NovaCron: it asks the API, waits for operations and shows what they do.
//
// It never talks to a host, to Temporal or to the database, and it keeps nothing but the context that login writes.
package main
