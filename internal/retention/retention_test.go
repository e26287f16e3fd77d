package retention

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func taken(name string, hoursAgo float64) backup.Backup {
	return backup.Backup{ID: id.Backup(name), State: backup.Ready, CreatedAt: now.Add(-time.Duration(hoursAgo * float64(time.Hour)))}
}

func TestExpired(t *testing.T) {
	week := []backup.Backup{taken("b3", 72), taken("b1", 24), taken("b0", 0), taken("b2", 48)}
	damaged := append(slices.Clone(week), backup.Backup{ID: "damaged", State: backup.Damaged, CreatedAt: now.Add(-1000 * time.Hour)})
	damaged = append(damaged, backup.Backup{ID: "creating", State: backup.Creating, CreatedAt: now})
	busy := slices.Clone(week)
	busy[0].ReferencedBy = 1
	for _, c := range []struct {
		name    string
		backups []backup.Backup
		keep    backup.Keep
		want    []id.Backup
	}{
		{"no backups", nil, backup.Keep{Last: 1}, nil},
		{"no limits", week, backup.Keep{}, nil},
		{"the last two", week, backup.Keep{Last: 2}, []id.Backup{"b3", "b2"}},
		{"more than there are", week, backup.Keep{Last: 9}, nil},
		{"a day: exactly a day old is too old", week, backup.Keep{WithinHours: 24}, []id.Backup{"b3", "b2", "b1"}},
		{"either keeps", week, backup.Keep{Last: 1, WithinHours: 49}, []id.Backup{"b3"}},
		{"the newest stays however old", week[:1], backup.Keep{WithinHours: 1}, nil},
		{"hours beyond what a duration holds", week, backup.Keep{WithinHours: 1 << 60}, nil},
		{"unfinished ones do not count", damaged, backup.Keep{Last: 2}, []id.Backup{"b3", "b2"}},
		{"one in use waits", busy, backup.Keep{Last: 2}, []id.Backup{"b2"}},
		{"same instant: the later ID is newer", []backup.Backup{taken("a", 1), taken("b", 1)}, backup.Keep{Last: 1}, []id.Backup{"a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Expired(c.backups, c.keep, now); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestExpiredAlwaysLeavesWhatWasPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := backup.Keep{Last: rapid.IntRange(0, 5).Draw(t, "last"), WithinHours: rapid.Int64Range(0, 100).Draw(t, "hours")}
		states := []backup.State{backup.Ready, backup.Ready, backup.Damaged, backup.Creating, backup.Deleting}
		var backups []backup.Backup
		for i := range rapid.IntRange(0, 20).Draw(t, "count") {
			one := taken(fmt.Sprintf("bkp_%02d", i), rapid.Float64Range(-10, 200).Draw(t, "age"))
			one.State = rapid.SampledFrom(states).Draw(t, "state")
			backups = append(backups, one)
		}
		expired := Expired(backups, keep, now)
		var newest backup.Backup
		ready := 0
		for _, b := range backups {
			gone := slices.Contains(expired, b.ID)
			if b.State != backup.Ready {
				if gone {
					t.Fatalf("%s is %s and was to be deleted", b.ID, b.State)
				}
				continue
			}
			ready++
			if !b.CreatedAt.Before(newest.CreatedAt) { // of two of one instant the later ID is the newer
				newest = b
			}
			if gone && keep.WithinHours > 0 && now.Sub(b.CreatedAt) < time.Duration(keep.WithinHours)*time.Hour {
				t.Fatalf("%s is younger than %d hours", b.ID, keep.WithinHours)
			}
		}
		if slices.Contains(expired, newest.ID) && newest.ID != "" {
			t.Fatal("the newest one was to be deleted")
		}
		if left := ready - len(expired); left < min(ready, max(1, keep.Last)) {
			t.Fatalf("%d of %d left", left, ready)
		}
		remaining := slices.DeleteFunc(slices.Clone(backups), func(b backup.Backup) bool { return slices.Contains(expired, b.ID) })
		if again := Expired(remaining, keep, now); len(again) > 0 {
			t.Fatalf("a second look lets go of %v too", again)
		}
	})
}
