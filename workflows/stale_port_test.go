package workflows

import (
	"testing"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/operation"
)

// What was given up may leave a port on a host. Its address is free in the inventory, and must not be lost on that host.
func TestAPortLeftBehindGivesItsAddressBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.hosts[0]
	gone := w.provision("gone", "local", on)
	ports, err := on.fabric.Ports(t.Context())
	must(t, err)
	if ended := w.run(w.acceptOn2(gone, operation.Delete, operation.DeleteRequest{})); ended.State != operation.Succeeded {
		t.Fatalf("delete: %+v", ended.Error)
	}
	var left fabric.Port
	for _, left = range ports {
		_, err := on.fabric.EnsurePort(t.Context(), left)
		must(t, err)
	}
	next := w.provision("next", "local", on)
	if len(next.Interfaces) != 1 || next.Interfaces[0].IP != left.IP {
		t.Fatalf("the test needs the address %s to be given again: %+v", left.IP, next.Interfaces)
	}
	w.check("provision on the address of a port that was left behind")
}
