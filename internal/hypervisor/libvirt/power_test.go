//go:build cgo

package libvirt

import (
	"errors"
	"strings"
	"testing"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
)

func TestPowerOf(t *testing.T) {
	for _, row := range []struct {
		state  virt.DomainState
		reason int
		job    hypervisor.Job
		want   hypervisor.Power
	}{
		{virt.DOMAIN_RUNNING, 0, hypervisor.NoJob, hypervisor.On},
		{virt.DOMAIN_BLOCKED, 0, hypervisor.NoJob, hypervisor.On},
		{virt.DOMAIN_SHUTDOWN, 0, hypervisor.NoJob, hypervisor.On},
		{virt.DOMAIN_SHUTOFF, 0, hypervisor.NoJob, hypervisor.Off},
		{virt.DOMAIN_CRASHED, 0, hypervisor.NoJob, hypervisor.Off},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_USER), hypervisor.NoJob, hypervisor.Suspended},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_USER), hypervisor.MigrationOut, hypervisor.Suspended},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_MIGRATION), hypervisor.MigrationIn, hypervisor.Receiving},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_MIGRATION), hypervisor.MigrationOut, hypervisor.On},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_MIGRATION), hypervisor.NoJob, hypervisor.Suspended},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_STARTING_UP), hypervisor.OtherJob, hypervisor.Off},
		{virt.DOMAIN_PAUSED, int(virt.DOMAIN_PAUSED_POSTCOPY), hypervisor.MigrationOut, hypervisor.Suspended},
	} {
		if got := powerOf(row.state, row.reason, row.job); got != row.want {
			t.Errorf("%+v: got %s", row, got)
		}
	}
}

func TestCrashed(t *testing.T) {
	for _, row := range []struct {
		state  virt.DomainState
		reason virt.DomainShutoffReason
		wished bool
		want   bool
	}{
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_CRASHED, false, true},
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_FAILED, false, true},
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_SHUTDOWN, true, false}, // the guest switched itself off
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_DESTROYED, false, false},
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_DESTROYED, true, true}, // somebody else did it
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_UNKNOWN, true, true},   // the host lost power
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_UNKNOWN, false, false},
		{virt.DOMAIN_SHUTOFF, virt.DOMAIN_SHUTOFF_MIGRATED, true, false},
		{virt.DOMAIN_CRASHED, virt.DOMAIN_SHUTOFF_UNKNOWN, false, true},
		{virt.DOMAIN_RUNNING, virt.DOMAIN_SHUTOFF_UNKNOWN, true, false},
	} {
		if got := crashed(row.state, int(row.reason), row.wished); got != row.want {
			t.Errorf("%+v: got %v", row, got)
		}
	}
}

func TestTranslate(t *testing.T) {
	const machine = "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP"
	for _, row := range []struct {
		err  error
		want fault.Kind
	}{
		{nil, ""},
		{translate(nil), ""},
		{translate(fault.Exhausted("full")), fault.KindExhausted},
		{translate(errors.New("odd")), fault.KindInternal},
		{translate(virt.Error{Code: virt.ERR_NO_DOMAIN}), fault.KindNotFound},
		{translate(virt.Error{Code: virt.ERR_OPERATION_INVALID}), fault.KindConflict},
		{translate(virt.Error{Code: virt.ERR_OPERATION_TIMEOUT}), fault.KindUnavailable},
		{translate(virt.Error{Code: virt.ERR_AGENT_UNRESPONSIVE}), fault.KindUnavailable},
		{translate(virt.Error{Code: virt.ERR_SYSTEM_ERROR, Domain: virt.FROM_RPC}), fault.KindUnavailable},
		{translate(virt.Error{Code: virt.ERR_INTERNAL_ERROR, Message: "client socket is closed"}), fault.KindUnavailable},
		{translate(virt.Error{Code: virt.ERR_NO_CONNECT}), fault.KindUnavailable},
		{translate(virt.Error{Code: virt.ERR_SYSTEM_ERROR, Message: "Unable to read from monitor"}), fault.KindUnavailable},
		{translate(virt.Error{Code: virt.ERR_INTERNAL_ERROR, Message: "no"}), fault.KindInternal},
		{translate(cannotStart(machine, virt.Error{Code: virt.ERR_INTERNAL_ERROR, Message: "x\nFailed to get \"write\" lock"})), fault.KindConflict},
		{translate(cannotStart(machine, virt.Error{Code: virt.ERR_INTERNAL_ERROR, Message: "Cannot allocate memory"})), fault.KindExhausted},
		{translate(cannotStart(machine, virt.Error{Code: virt.ERR_INTERNAL_ERROR, Message: "no such file"})), fault.KindInternal},
		{translate(cannotStart(machine, virt.Error{Code: virt.ERR_RPC})), fault.KindUnavailable},
		{migrationFault(machine, nil), ""},
		{migrationFault(machine, virt.Error{Code: virt.ERR_SYSTEM_ERROR, Domain: virt.FROM_RPC, Message: "No route to host"}), fault.KindUnavailable},
		{migrationFault(machine, virt.Error{Code: virt.ERR_OPERATION_INVALID}), fault.KindConflict},
		{changesUnknown(hypervisor.Export{}, virt.Error{Code: virt.ERR_CHECKPOINT_INCONSISTENT}), fault.KindNotFound},
	} {
		if got := fault.KindOf(row.err); got != row.want {
			t.Errorf("%v: got %q, want %q", row.err, got, row.want)
		}
	}
	if got := explain(virt.Error{Code: virt.ERR_OPERATION_ABORTED}); !strings.Contains(got, "aborted") {
		t.Error(got)
	}
	if got := explain(errUnwitnessed); got != errUnwitnessed.Error() {
		t.Error(got)
	}
}
