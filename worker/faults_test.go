package worker

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/operation"
)

// TestFaultsArriveWithTheirKind makes an activity fail in each way. What retrying cannot mend is tried once.
func TestFaultsArriveWithTheirKind(t *testing.T) {
	p := usePlant(t)
	driver := p.hosts["h1"].driver
	for _, each := range []struct {
		name, says string
		injected   error
		kind       fault.Kind
	}{
		{"exhausted", "no room", fault.Exhausted("no room for it").Because(errors.New("a secret path")), fault.KindExhausted},
		{"invalid", "makes no sense", fault.Invalid("makes no sense"), fault.KindInvalid},
		{"conflict", "in the way", fault.Conflict("in the way"), fault.KindConflict},
		{"denied", "may not", fault.Denied("may not"), fault.KindDenied},
	} {
		t.Run(each.name, func(t *testing.T) {
			before := driver.Calls("Define")
			driver.Inject("Define", hypervisorfake.Fault{Error: each.injected})
			t.Cleanup(func() { driver.Heal("Define") })
			ended := p.ended(t, p.begin(t, http.MethodPost, "/vms", creation("fault-"+each.name, "h1", "local")).ID)
			if ended.State != operation.Failed || ended.Error.Kind != each.kind || !strings.Contains(ended.Error.Message, each.says) || ended.Error.Step != "define" {
				t.Errorf("the operation %s: %+v", ended.State, ended.Error)
			}
			if calls := driver.Calls("Define") - before; calls != 1 {
				t.Errorf("it was tried %d times", calls)
			}
			if said := stepOf(t, p.timeline(t, ended.ID), "define").Error; strings.Contains(said, "secret") || !strings.Contains(said, each.says) {
				t.Errorf("the timeline says %q", said)
			}
		})
	}
}

// TestFaultsThatMayPassAreTriedAgain fails once, with a fault that may pass and with an error that is no fault at all.
func TestFaultsThatMayPassAreTriedAgain(t *testing.T) {
	p := usePlant(t)
	driver := p.hosts["h1"].driver
	for name, injected := range map[string]error{"away": fault.Unavailable("not now"), "defect": errors.New("something unheard of")} {
		t.Run(name, func(t *testing.T) {
			driver.Inject("Define", hypervisorfake.Fault{Nth: 1, Error: injected})
			ended := p.ended(t, p.begin(t, http.MethodPost, "/vms", creation("retried-"+name, "h1", "local")).ID)
			lane := stepOf(t, p.timeline(t, ended.ID), "define")
			if ended.State != operation.Succeeded || lane.Attempts != 2 || !strings.Contains(lane.Error, injected.Error()) {
				t.Errorf("the operation %s after %d attempts (%q): %+v", ended.State, lane.Attempts, lane.Error, ended.Error)
			}
		})
	}
}

// TestWhatIsBrokenOffIsNotAFailure cancels while an activity is in the middle of something that answers a cancellation
// with an error of its own, as a program does that is killed.
func TestWhatIsBrokenOffIsNotAFailure(t *testing.T) {
	p := usePlant(t)
	driver := p.hosts["h1"].driver
	driver.meddle(func(m *meddled) {
		m.guestInfo = func(ctx context.Context) (hypervisor.GuestInfo, error) {
			select {
			case <-ctx.Done():
				return hypervisor.GuestInfo{}, fault.Conflict("signal: killed")
			case <-time.After(400 * time.Millisecond):
				return hypervisor.GuestInfo{}, silentGuest.Error
			}
		}
	})
	t.Cleanup(func() { driver.meddle(func(m *meddled) { m.guestInfo = nil }) })
	making := p.begin(t, http.MethodPost, "/vms", creation("broken-off", "h1", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	p.begin(t, http.MethodPost, "/operations/"+string(making.ID)+"/cancel", nil)
	if ended := p.ended(t, making.ID); ended.State != operation.Cancelled || strings.Contains(ended.Error.Message, "signal") {
		t.Errorf("an operation that was cancelled %s: %+v", ended.State, ended.Error)
	}
}
