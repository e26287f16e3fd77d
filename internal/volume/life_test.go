package volume

import (
	"strings"
	"testing"
	"testing/quick"

	"github.com/novacron/novacron/internal/fault"
)

func TestCan(t *testing.T) {
	free := Volume{ID: "vol_1", Name: "data", State: Ready}
	attached := Volume{ID: "vol_1", Name: "data", State: Ready, VM: "vm_1", VMName: "web", Device: "vdb"}
	own := Volume{ID: "vol_2", State: Ready, VM: "vm_1", VMName: "web", Device: "vdb"}
	root := Volume{ID: "vol_3", State: Ready, VM: "vm_1", VMName: "web", Device: "vda"}
	trashed := Volume{ID: "vol_1", Name: "data", State: Trashed}
	busy := Volume{ID: "vol_1", Name: "data", State: Ready, Operation: "op_1", OperationOf: "attach_volume"}
	making := Volume{ID: "vol_1", Name: "data", State: Creating}
	for _, c := range []struct {
		volume Volume
		action Action
		says   string // empty: allowed
	}{
		{free, Attach, ""}, {free, Trash, ""}, {free, Purge, ""}, {free, Detach, "attached to no VM"}, {free, Restore, "not in the trash"},
		{attached, Detach, ""}, {attached, Attach, "detach it first"}, {attached, Trash, "detach it first"}, {attached, Purge, "detach it first"},
		{own, Detach, ""}, {own, Trash, "ends with it"}, {own, Attach, "ends with it"}, {root, Detach, "boots from disk vda"},
		{free, Grow, ""}, {free, Move, ""}, {attached, Grow, "vm grow-disk web --device vdb"}, {own, Move, "vm move-disk web --device vdb"}, {trashed, Move, "in the trash"},
		{trashed, Restore, ""}, {trashed, Purge, ""}, {trashed, Attach, "in the trash"}, {trashed, Trash, "in the trash"},
		{busy, Attach, "op_1"}, {busy, Purge, "op_1"}, {making, Attach, "creating"},
	} {
		err := c.volume.Can(c.action)
		if c.says == "" && err != nil || c.says != "" && (!fault.Is(err, fault.KindConflict) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s of %+v: %v, want %q", c.action, c.volume, err, c.says)
		}
	}
}

func TestFreeDevice(t *testing.T) {
	for bus, prefix := range map[Bus]string{Virtio: "vd", SCSI: "sd"} {
		var taken []string
		for range letters {
			device, err := FreeDevice(bus, taken)
			if found, known := BusOf(device); err != nil || !known || found != bus || !strings.HasPrefix(device, prefix) {
				t.Fatalf("%s after %v: %q, %v", bus, taken, device, err)
			}
			taken = append(taken, device)
		}
		if taken[0] != prefix+"a" || taken[1] != prefix+"b" {
			t.Errorf("the first devices are %v", taken[:2])
		}
		if _, err := FreeDevice(bus, taken); !fault.Is(err, fault.KindExhausted) {
			t.Errorf("all taken: %v", err)
		}
	}
	if _, err := FreeDevice("ide", nil); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("an unknown bus: %v", err)
	}
	never := func(device string) bool { _, known := BusOf(device + "-"); return !known }
	if err := quick.Check(never, nil); err != nil {
		t.Error(err)
	}
}

func TestCheckReach(t *testing.T) {
	local := Volume{Name: "data", Pool: "local", Host: "hst_1", HostName: "h1"}
	shared := Volume{Name: "data", Pool: "ceph"}
	for _, c := range []struct {
		volume Volume
		on     string
		sees   bool
		says   string
	}{
		{local, "h1", true, ""}, {local, "h2", true, "migrate the VM there"}, {shared, "h2", true, ""}, {shared, "h2", false, "does not reach pool ceph"},
	} {
		err := c.volume.CheckReach(c.on, c.sees)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v on %s: %v", c.volume, c.on, err)
		}
	}
}
