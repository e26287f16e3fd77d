// Package storage is the port to a pool of volumes as one host sees it. storage/local drives a directory (its own, or one
// that all hosts share), storage/fake keeps one in memory, and storagetest holds both to the same contract.
//
// Every mutation is an ensure, keyed by the volume's or image's ID. A mutation that was interrupted leaves nothing that a
// second call would mistake for its result. Errors are faults: NotFound, Conflict (another size, format or base than the
// existing one), Exhausted (no room), Unavailable (the pool does not answer).
//
// The package never decides where a volume goes and never knows which VM uses it.
package storage
