// Package retention decides which backups a schedule may let go.
//
// The package never deletes anything and never reads a clock.
package retention
