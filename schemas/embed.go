// Package schemas carries the database's migrations inside the binaries. Queries beside them are compiled by sqlc into
// internal/store/db, and openapi.yaml is the committed description of the HTTP API.
//
// The package never runs anything; internal/store migrates.
package schemas

import "embed"

// Migrations holds the goose migrations (https://github.com/pressly/goose) in the directory "migrations".
//
//go:embed migrations/*.sql
var Migrations embed.FS
