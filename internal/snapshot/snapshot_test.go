package snapshot

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

func TestTree(t *testing.T) {
	one := func(name, parent string) Snapshot {
		return Snapshot{ID: id.Snapshot(name), Parent: id.Snapshot(parent), Name: name}
	}
	var shown []string
	for _, each := range Tree([]Snapshot{one("a", ""), one("b", "a"), one("c", "b"), one("d", "a"), one("e", "gone")}) {
		shown = append(shown, strings.Repeat(".", each.Depth)+each.Name)
	}
	if got := strings.Join(shown, " "); got != "a .b ..c .d e" {
		t.Errorf("the tree is %s", got)
	}
}

// Each snapshot is in the tree once, after its parent and one deeper.
func TestTreeHasAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Snapshot
		for i := range rapid.IntRange(0, 40).Draw(t, "count") {
			made := Snapshot{ID: id.Snapshot(fmt.Sprint("s", i))}
			if parent := rapid.IntRange(-2, i-1).Draw(t, "parent"); parent >= 0 {
				made.Parent = all[parent].ID
			}
			all = append(all, made)
		}
		depths := map[id.Snapshot]int{}
		for _, each := range Tree(all) {
			if _, twice := depths[each.ID]; twice {
				t.Fatalf("%s is there twice", each.ID)
			}
			parent, known := depths[each.Parent]
			if each.Parent != "" && (!known || parent+1 != each.Depth) || each.Parent == "" && each.Depth != 0 {
				t.Fatalf("%s of %q is at depth %d", each.ID, each.Parent, each.Depth)
			}
			depths[each.ID] = each.Depth
		}
		if len(depths) != len(all) {
			t.Fatalf("%d of %d are in the tree", len(depths), len(all))
		}
	})
}

func TestLimits(t *testing.T) {
	if err := CheckCount(MostOfVM - 1); err != nil {
		t.Error(err)
	}
	if err := CheckCount(MostOfVM); !fault.Is(err, fault.KindExhausted) {
		t.Errorf("one too many: %v", err)
	}
	if err := (Snapshot{State: Ready}).Usable(); err != nil {
		t.Error(err)
	}
	if err := (Snapshot{State: Creating}).Usable(); !fault.Is(err, fault.KindConflict) {
		t.Errorf("one that is being taken: %v", err)
	}
}
