// Package storetest gives tests a real inventory: a fresh PostgreSQL database for each test, cloned from a migrated
// template in some tens of milliseconds.
//
// NOVACRON_TEST_DATABASE_URL names a server on which databases may be created (any database of it, such as postgres).
// Without it the test binary starts a throw-away PostgreSQL of its own from Debian's binaries, on a unix socket in a
// temporary directory, which is gone when the binary ends in whatever way.
//
// The package never touches a database that it did not create, and is for tests only.
package storetest
