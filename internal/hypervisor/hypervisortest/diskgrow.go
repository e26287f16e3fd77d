package hypervisortest

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
)

func testGrowDisk(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	for _, format := range []string{"qcow2", "raw"} {
		machine := define(t, stage, 0, stage.Disk(t, 0, "vda", format, false, Blank)).VM
		const larger = 24 << 20
		refused(t, driver.GrowDisk(ctx, machine, "vda", larger), fault.KindConflict)
		must(t, driver.SetPower(ctx, machine, hypervisor.On))
		refused(t, driver.GrowDisk(ctx, machine, "vdz", larger), fault.KindInvalid)
		twice(t, func() error { return driver.GrowDisk(ctx, machine, "vda", larger) })
		refused(t, driver.GrowDisk(ctx, machine, "vda", larger-512), fault.KindConflict)
		if got := len(exportedNow(t, driver, machine)); got != larger {
			t.Errorf("a %s disk that was made larger has %d bytes, not %d", format, got, larger)
		}
	}
}
