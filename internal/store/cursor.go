package store

import (
	"encoding/base64"
	"encoding/json"

	"github.com/novacron/novacron/internal/fault"
)

// Sizes of a page of a list.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// pageSize checks a limit; the error is fault.Invalid at "limit".
func pageSize(limit int) (int, error) {
	switch {
	case limit == 0:
		return DefaultPage, nil
	case limit < 0 || limit > MaxPage:
		return 0, fault.Invalid("a page holds 1 to %d items, not %d", MaxPage, limit).At("limit")
	}
	return limit, nil
}

// encodeCursor makes the place behind an item opaque, so that nobody comes to depend on what it is made of.
func encodeCursor(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(marshal(parts))
}

// decodeCursor is the opposite of encodeCursor; an empty cursor is the place before all items. The error is fault.Invalid
// at "cursor".
func decodeCursor(cursor string, count int) ([]string, error) {
	parts := make([]string, count)
	if cursor == "" {
		return parts, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(raw, &parts)
	}
	if err != nil || len(parts) != count {
		return nil, fault.Invalid("that cursor is not from a page of this list; begin again without one").At("cursor").Because(err)
	}
	return parts, nil
}

// cutPage takes off the item that was read beyond the page, if there is one, and makes the cursor of the next page.
func cutPage[T any](items []T, size int, place func(T) []string) ([]T, string) {
	if len(items) <= size {
		return items, ""
	}
	return items[:size], encodeCursor(place(items[size-1])...)
}
