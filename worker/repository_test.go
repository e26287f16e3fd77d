package worker

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	objectfake "github.com/novacron/novacron/internal/objectstore/fake"
)

func TestTheRepositoryFollowsWhatIsSaid(t *testing.T) {
	own, opened := backuprepo.New(objectfake.New()), 0
	failure := error(nil)
	followed := &repository{own: own, open: func(objectstore.Place) (*backuprepo.Repository, error) {
		opened++
		if failure != nil {
			return nil, failure
		}
		return backuprepo.New(objectfake.New()), nil
	}}
	if found, err := followed.current(); found != own || err != nil {
		t.Errorf("before anything was said it is %v, %v", found, err)
	}
	place := objectstore.Place{Swift: &objectstore.SwiftPlace{Container: "backups", Key: "one"}}
	for range 2 { // the same again opens nothing
		if err := followed.follow(place); err != nil {
			t.Fatal(err)
		}
	}
	first, err := followed.current()
	if first == own || err != nil || opened != 1 {
		t.Errorf("it is its own still, or was opened %d times; %v", opened, err)
	}
	renewed := objectstore.Place{Swift: &objectstore.SwiftPlace{Container: "backups", Key: "two"}}
	failure = errors.New("no driver")
	for range 2 { // what could not be opened is tried again
		_ = followed.follow(renewed)
	}
	if _, err := followed.current(); !fault.Is(err, fault.KindUnavailable) || !strings.Contains(err.Error(), "no driver") || opened != 3 {
		t.Errorf("one that cannot be opened, %d times: %v", opened, err)
	}
	if err := followed.follow(objectstore.Place{}); err != nil {
		t.Fatal(err)
	}
	if found, err := followed.current(); found != own || err != nil {
		t.Errorf("when nothing is said any more it is %v, %v", found, err)
	}
}
