package image

import (
	"cmp"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/id"
)

// Copy is an image's bytes in a pool, where disks are made from them.
type Copy struct {
	Image     id.Image
	SizeBytes int64
	UsedAt    time.Time // when it was last brought or asked for
	Held      bool      // a disk stands on it
}

// KeptAtLeast is how long a copy stays after it was asked for, whatever the bound: an operation that has asked is about to
// make a disk from it.
const KeptAtLeast = time.Hour

// Surplus chooses the copies that a pool does without, so that those which no disk stands on have at most so many bytes: the
// least recently used first.
func Surplus(copies []Copy, most int64, now time.Time) []id.Image {
	var spare []Copy
	total := int64(0)
	for _, each := range copies {
		if each.Held {
			continue
		}
		total += each.SizeBytes
		if now.Sub(each.UsedAt) >= KeptAtLeast {
			spare = append(spare, each)
		}
	}
	slices.SortFunc(spare, func(a, b Copy) int { return cmp.Or(a.UsedAt.Compare(b.UsedAt), cmp.Compare(a.Image, b.Image)) })
	var chosen []id.Image
	for _, each := range spare {
		if total <= most {
			break
		}
		total -= each.SizeBytes
		chosen = append(chosen, each.Image)
	}
	return chosen
}
