package hypervisortest

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/volume"
)

func testLimitDisk(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	disk := stage.Disk(t, 0, "vda", "qcow2", false, Blank)
	disk.Limits = volume.Limits{IOPS: 500}
	machine := define(t, stage, 0, disk).VM
	wantDisks(t, driver, machine, disk)
	for _, power := range []hypervisor.Power{hypervisor.Off, hypervisor.On, hypervisor.Off} {
		must(t, driver.SetPower(ctx, machine, power))
		for _, limits := range []volume.Limits{{BytesPerSecond: 10 << 20}, {IOPS: 100, BytesPerSecond: 1 << 20}, {}, {IOPS: 300}} {
			disk.Limits = limits
			twice(t, func() error { return driver.LimitDisk(ctx, machine, "vda", limits) })
			wantDisks(t, driver, machine, disk)
		}
	}
	refused(t, driver.LimitDisk(ctx, machine, "vdz", volume.Limits{IOPS: 100}), fault.KindInvalid)
}
