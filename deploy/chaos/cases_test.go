package main

import (
	"fmt"
	"testing"
)

func chosenNames(t *testing.T, text string) map[string]bool {
	t.Helper()
	var chosen settings
	if text != "" {
		var err error
		if chosen.share, err = parseShare(text); err != nil {
			t.Fatal(err)
		}
	}
	cases, err := choose(chosen)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, each := range cases {
		names[each.name()] = true
	}
	return names
}

func TestSharesAreTheWhole(t *testing.T) {
	const parts = 10
	whole, dealt := chosenNames(t, ""), 0
	for part := 1; part <= parts; part++ {
		share := chosenNames(t, fmt.Sprintf("%d/%d", part, parts))
		dealt += len(share)
		for name := range share {
			if !whole[name] {
				t.Errorf("%s is in no campaign", name)
			}
		}
		if least := len(whole) / parts * 8 / 10; len(share) < least {
			t.Errorf("part %d has %d cases, not the %d of a fair part", part, len(share), least)
		}
	}
	if dealt != len(whole) {
		t.Errorf("the parts have %d cases, the whole %d", dealt, len(whole))
	}
}

func TestQuickCasesExist(t *testing.T) {
	whole := chosenNames(t, "")
	for name := range quick {
		if !whole[name] {
			t.Errorf("%s is not a case of the campaign", name)
		}
	}
}

func TestShareRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "3", "0/10", "11/10", "a/b", "-1/3"} {
		if _, err := parseShare(text); err == nil {
			t.Errorf("%q passed for a part", text)
		}
	}
}
