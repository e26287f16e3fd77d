package retention

import (
	"cmp"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
)

// Expired returns the backups that may be deleted, oldest first. A backup stays if it is among the newest keep.Last or
// younger than keep.WithinHours; with neither given, everything stays. The newest ready backup always stays, so that a
// schedule never leaves a VM without one. Backups that are not ready are neither counted nor returned, and those that an
// operation is using stay until it has ended. The backups should be those of one VM and schedule.
func Expired(backups []backup.Backup, keep backup.Keep, now time.Time) []id.Backup {
	if keep.Last <= 0 && keep.WithinHours <= 0 {
		return nil
	}
	ready := slices.DeleteFunc(slices.Clone(backups), func(b backup.Backup) bool { return b.State != backup.Ready })
	slices.SortFunc(ready, func(a, b backup.Backup) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	var expired []id.Backup
	for position, candidate := range ready {
		if position == 0 || position < keep.Last || young(candidate, keep, now) || candidate.ReferencedBy > 0 {
			continue
		}
		expired = append(expired, candidate.ID)
	}
	slices.Reverse(expired)
	return expired
}

// young compares in hours, since a duration cannot hold every number of them.
func young(candidate backup.Backup, keep backup.Keep, now time.Time) bool {
	return now.Sub(candidate.CreatedAt).Hours() < float64(keep.WithinHours)
}
