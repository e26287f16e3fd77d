package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/auth"
)

func TestTickets(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	_, key := auth.MintToken(auth.HostPrefix)
	_, other := auth.MintToken(auth.HostPrefix)
	good := auth.MintTicket(key, "img_1", now.Add(time.Hour))
	end, sum, _ := strings.Cut(good, ".")
	for name, each := range map[string]struct {
		key           []byte
		thing, ticket string
		at            time.Time
		want          bool
	}{
		"good":                 {key, "img_1", good, now, true},
		"run out":              {key, "img_1", good, now.Add(time.Hour), false},
		"of another host":      {other, "img_1", good, now, false},
		"for another thing":    {key, "img_2", good, now, false},
		"with a later end":     {key, "img_1", "9" + end + "." + sum, now, false},
		"without a sum":        {key, "img_1", end + ".", now, false},
		"that is none":         {key, "img_1", "let me in", now, false},
		"that is empty":        {key, "img_1", "", now, false},
		"that is cut":          {key, "img_1", good[:len(good)-2], now, false},
		"with something added": {key, "img_1", good + "00", now, false},
	} {
		if got := auth.CheckTicket(each.key, each.thing, each.ticket, each.at); got != each.want {
			t.Errorf("a ticket %s: %t", name, got)
		}
	}
}
