// Package id mints and parses the identifiers of everything NovaCron knows: a short prefix that names the kind, an
// underscore, and a ULID (26 characters of Crockford base32, ordered by time of creation).
//
// IDs are minted once, where a request is accepted; workflow code never mints one, since it must replay.
// The package never looks anything up: a well-formed ID may name nothing.
package id
