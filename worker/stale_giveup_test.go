package worker

import (
	"net/http"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

func TestGivingUpAnswersOnlyWhatIsAsked(t *testing.T) {
	p := usePlant(t)
	heal := p.hosts["h1"].silenceGuests(t)
	making := p.begin(t, http.MethodPost, "/vms", creation("stale", "h1", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	must(t, p.engine.GiveUp(t.Context(), making.ID)) // meant for a question that has just been answered
	p.begin(t, http.MethodPost, "/operations/"+string(making.ID)+"/cancel", nil)
	ended := p.ended(t, making.ID)
	heal()
	t.Logf("%s leaks %+v", ended.State, ended.Leaks)
	t.Logf("defined on %v", p.cluster.DefinedOn(p2(ended)))
}

func p2(of operation.Operation) (machine id.VM) { return id.VM(of.Subject.ID) }
