package backuprepo

import (
	"errors"
	"fmt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Damage is something stored that is missing or not what it was when it was written.
type Damage struct {
	Backup id.Backup `json:"backup_id"`
	Device string    `json:"device"`
	Offset int64     `json:"offset_bytes"` // where on the disk; -1 if all of it is concerned
	Object string    `json:"object"`       // key in the repository
	Reason string    `json:"reason"`
}

// Error implements error in words for the log.
func (d Damage) Error() string {
	return fmt.Sprintf("object %s: %s (backup %s, disk %s, byte %d)", d.Object, d.Reason, d.Backup, d.Device, d.Offset)
}

// DamageOf returns the damage that an error of this package is about.
func DamageOf(err error) (Damage, bool) {
	found, ok := errors.AsType[Damage](err)
	return found, ok
}

// fault says it in the user's words. It is a Conflict: trying again will not help.
func (d Damage) fault() error {
	const advice = "restore from another backup, delete this one and take a new full one"
	if d.Offset < 0 {
		return fault.Conflict("backup %s is damaged: disk %s cannot be read, %s %s; %s", d.Backup, d.Device, d.Object, d.Reason, advice).Because(d)
	}
	return fault.Conflict("backup %s is damaged: disk %s cannot be read at byte %d, %s %s; %s",
		d.Backup, d.Device, d.Offset, d.Object, d.Reason, advice).Because(d)
}
