// Package store keeps the inventory in PostgreSQL: nouns in, nouns out, and faults for what goes wrong. Everything that
// changes together changes in one transaction, and so do the events that tell of it.
//
// Locks are always taken in this order, so that transactions never wait for each other in a circle: the idempotency key,
// the claimed resources by hash, rows, and last of all the event log (see change.commit).
//
// An empty project means any project; an empty ID or zero time in a noun is a null column. A ref is a name or an ID;
// names never look like IDs. Errors are faults: NotFound, Conflict, Invalid and Exhausted for what the caller asked,
// Unavailable while the database does not answer, Internal for everything else.
//
// The package never starts work, never decides about a VM, and never keeps a secret: of tokens it sees hashes only.
package store
