package template

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/vm"
)

func TestParseRef(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		line   string
		number int
	}{"web": {"web", 0}, "web:3": {"web", 3}, "tpl_01:12": {"tpl_01", 12}} {
		if line, number, err := ParseRef(text); err != nil || line != want.line || number != want.number {
			t.Errorf("%s: %q, %d, %v", text, line, number, err)
		}
	}
	for _, text := range []string{"web:", "web:0", "web:-1", "web:03", "web:x", ":3", "web:1:2", "web:99999999999999999999"} {
		if _, _, err := ParseRef(text); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	const image = 1 << 30
	for name, c := range map[string]struct {
		defaults Defaults
		field    string
	}{
		"none":          {},
		"all":           {defaults: Defaults{CPUs: 2, MemoryBytes: 512 * vm.MiB, DiskBytes: 2 * image}},
		"as the image":  {defaults: Defaults{DiskBytes: image}},
		"many CPUs":     {Defaults{CPUs: 1000}, "cpus"},
		"negative CPUs": {Defaults{CPUs: -1}, "cpus"},
		"odd memory":    {Defaults{MemoryBytes: 100*vm.MiB + 1}, "memory_bytes"},
		"little memory": {Defaults{MemoryBytes: vm.MiB}, "memory_bytes"},
		"small disk":    {Defaults{DiskBytes: image / 2}, "disk_bytes"},
		"odd disk":      {Defaults{DiskBytes: image + 1}, "disk_bytes"},
		"negative disk": {Defaults{DiskBytes: -1}, "disk_bytes"},
	} {
		err := c.defaults.Check(image)
		found, _ := err.(*fault.Error)
		if c.field == "" && err != nil || c.field != "" && (found == nil || found.Kind != fault.KindInvalid || found.Field != c.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Walked over all ways through the table: a version that is withdrawn makes no VMs and never comes back, only one state makes
// VMs without being named, and every refusal says what to do or why.
func TestLife(t *testing.T) {
	t.Parallel()
	defaults := 0
	for _, rule := range Rules() {
		if rule.Default {
			defaults++
		}
		of := Version{Name: "web", Number: 3, State: rule.State}
		if (rule.State.Makes(of.Label()) == nil) != rule.Named || rule.Default && !rule.Named {
			t.Errorf("%s: makes VMs: %v, by the table %+v", rule.State, rule.State.Makes(of.Label()), rule)
		}
		for _, action := range []Action{Promote, Deprecate, Withdraw, Delete} {
			err := of.Can(action)
			if (err == nil) != slices.Contains(rule.May, action) {
				t.Errorf("%s %s: %v", action, rule.State, err)
			}
			if err != nil && (!fault.Is(err, fault.KindConflict) || !strings.Contains(err.Error(), "web:3")) {
				t.Errorf("%s %s: %v", action, rule.State, err)
			}
			if err == nil && action.Becomes() == rule.State {
				t.Errorf("%s changes nothing in %s", action, rule.State)
			}
		}
	}
	if defaults != 1 {
		t.Errorf("%d states are the default", defaults)
	}
	gone := Version{Name: "web", Number: 3, State: Withdrawn}
	for _, action := range []Action{Promote, Deprecate, Withdraw} {
		if gone.Can(action) == nil {
			t.Errorf("a withdrawn version can %s", action)
		}
	}
	gone.VMs = 2
	if err := gone.Can(Delete); !fault.Is(err, fault.KindConflict) || !strings.Contains(err.Error(), "2 VMs") {
		t.Errorf("deleting a version that VMs were made from: %v", err)
	}
	if (Template{Name: "web", VMs: 1}).CanDelete() == nil || (Template{Name: "web"}).CanDelete() != nil {
		t.Error("a template goes if, and only if, no VM was made from it")
	}
}
