package objectstore

import (
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

func TestKeys(t *testing.T) {
	for key, good := range map[string]bool{
		"a": true, "packs/bkp_1/vda-0.pack": true, "A9._-/z": true, strings.Repeat("a", MaxKeyBytes): true,
		"": false, "/": false, "/a": false, "a//b": false, "..": false, "a/../b": false, "a/.b": false, "a b": false,
		"a\nb": false, strings.Repeat("a", MaxKeyBytes+1): false,
	} {
		if err := CheckKey(key); (err == nil) != good || err != nil && !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
	for prefix, good := range map[string]bool{"": true, "a/": true, "a/b": true, "a//": false, "../": false} {
		if err := CheckPrefix(prefix); (err == nil) != good {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}
