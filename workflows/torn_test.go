package workflows

import (
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
)

// A target that dies in the middle of post-copy takes the VM's memory with it. The operation must end all the same, say so,
// and leave a VM that is off in one place.
func TestATargetThatDiesInPostCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.provision("web", "shared", w.hosts[0])
	w.hosts[0].driver.SetLoad(machine.ID, fake.Load{DirtyRateBytes: 2 << 30, FailInPostCopy: true})
	of := w.acceptOn2(machine, operation.Migrate, operation.MigrateRequest{Limits: precopy.Limits{MaxDowntimeMS: 1, AllowPostCopy: true}})
	ended := w.run(of)
	if ended.State != operation.Failed || ended.Error == nil || !strings.Contains(ended.Error.Message, "middle of post-copy") {
		t.Fatalf("%s: %+v; ran %v", ended.State, ended.Error, w.ran)
	}
	moved(vm.Stopped)(w, ended)
	w.check("a target that died in post-copy")
	if ended := w.run(w.acceptOn2(machine, operation.Start, operation.PowerRequest{})); ended.State != operation.Succeeded {
		t.Errorf("it cannot be started again: %+v", ended.Error)
	}
}
