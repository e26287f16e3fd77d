// Package precopy decides how a live migration goes on, from the rounds so far and the limits that were asked for.
//
// The package never talks to a hypervisor and never reads a clock: rounds carry their times.
package precopy
