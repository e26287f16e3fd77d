package objectstore

import (
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// MaxKeyBytes is the longest key that every driver takes.
const MaxKeyBytes = 512

// CheckKey says whether a key can be used; the error is fault.Invalid. Segments that begin with a dot are kept for
// drivers.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKeyBytes {
		return fault.Invalid("an object's key has 1 to %d characters", MaxKeyBytes)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment[0] == '.' || !plain(segment) {
			return fault.Invalid("%q is not an object's key: use letters, digits, dots, hyphens and underscores between single slashes, no segment beginning with a dot", key)
		}
	}
	return nil
}

// CheckPrefix says whether a prefix of keys makes sense; empty means every key.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckKey(strings.TrimSuffix(prefix, "/"))
}

func plain(segment string) bool {
	for _, letter := range []byte(segment) {
		switch {
		case letter >= 'a' && letter <= 'z', letter >= 'A' && letter <= 'Z', letter >= '0' && letter <= '9',
			letter == '.', letter == '-', letter == '_':
		default:
			return false
		}
	}
	return true
}
