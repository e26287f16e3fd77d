package image_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func copyOf(name id.Image, size int64, idle time.Duration, held bool) image.Copy {
	return image.Copy{Image: name, SizeBytes: size, UsedAt: now.Add(-idle), Held: held}
}

func TestSurplus(t *testing.T) {
	day := 24 * time.Hour
	old, older, oldest := copyOf("old", 10, day, false), copyOf("older", 10, 2*day, false), copyOf("oldest", 10, 3*day, false)
	for name, each := range map[string]struct {
		copies []image.Copy
		most   int64
		want   []id.Image
	}{
		"nothing":                            {nil, 0, nil},
		"within the bound":                   {[]image.Copy{old, older, oldest}, 30, nil},
		"the least recently used goes":       {[]image.Copy{old, oldest, older}, 29, []id.Image{"oldest"}},
		"as many as it takes":                {[]image.Copy{old, oldest, older}, 10, []id.Image{"oldest", "older"}},
		"no bound at all":                    {[]image.Copy{old, older}, 0, []id.Image{"older", "old"}},
		"what disks stand on stays":          {[]image.Copy{old, copyOf("held", 100, 9*day, true)}, 0, []id.Image{"old"}},
		"and does not count":                 {[]image.Copy{old, copyOf("held", 100, 9*day, true)}, 10, nil},
		"what was just asked for stays":      {[]image.Copy{copyOf("new", 100, time.Minute, false)}, 0, nil},
		"but counts":                         {[]image.Copy{old, copyOf("new", 100, time.Minute, false)}, 100, []id.Image{"old"}},
		"of two used at once the first goes": {[]image.Copy{copyOf("b", 10, day, false), copyOf("a", 10, day, false)}, 10, []id.Image{"a"}},
	} {
		if got := image.Surplus(each.copies, each.most, now); !slices.Equal(got, each.want) {
			t.Errorf("%s: %v, not %v", name, got, each.want)
		}
	}
}

// TestSurplusIsEnoughAndNoMore checks what must hold of any copies.
func TestSurplusIsEnoughAndNoMore(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		copies := make([]image.Copy, chance.IntN(12))
		for i := range copies {
			copies[i] = copyOf(id.Image(rune('a'+i)), chance.Int64N(100), time.Duration(chance.Int64N(int64(3*time.Hour))), chance.IntN(3) == 0)
		}
		most := chance.Int64N(300)
		chosen := image.Surplus(copies, most, now)
		left, last, movable := int64(0), int64(0), false
		for _, each := range copies {
			goes := slices.Contains(chosen, each.Image)
			fresh := now.Sub(each.UsedAt) < image.KeptAtLeast
			switch {
			case goes && (each.Held || fresh):
				t.Fatalf("%+v goes", each)
			case !goes && !each.Held:
				left += each.SizeBytes
				movable = movable || !fresh
			case goes && each.Image == chosen[len(chosen)-1]:
				last = each.SizeBytes
			}
		}
		if left > most && movable {
			t.Fatalf("%d bytes are left of %d, and more could go: %+v without %v", left, most, copies, chosen)
		}
		if len(chosen) > 0 && left+last <= most {
			t.Fatalf("the last of %v need not have gone", chosen)
		}
	}
}
