// Package project is the noun for a tenant: the owner of VMs, volumes, images, networks, backups and schedules.
//
// The package never decides who may act in a project; internal/auth does.
package project

import (
	"regexp"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Project owns things. Every installation starts with one that is named "default".
type Project struct {
	ID        id.Project `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,61}[a-z0-9]$|^[a-z]$`)

// CheckName says whether text may name a thing: a DNS label, so that names work as host names and never look like IDs.
// The error is fault.Invalid at field "name".
func CheckName(text string) error {
	if !namePattern.MatchString(text) {
		return fault.Invalid("%q is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter", text).At("name")
	}
	return nil
}
