package pool

import (
	"fmt"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

func TestCompare(t *testing.T) {
	recorded := []volume.Volume{
		{ID: "here", Host: "h1", State: volume.Ready},
		{ID: "elsewhere", Host: "h1", State: volume.Ready},
		{ID: "moving", Host: "h1", State: volume.Ready, Operation: "op_1"},
		{ID: "making", Host: "h1", State: volume.Creating},
		{ID: "lost", Host: "h1", State: volume.Ready},
		{ID: "unasked", Host: "h3", State: volume.Ready},
		{ID: "shared", State: volume.Trashed},
		{ID: "shared-lost", State: volume.Ready},
	}
	found := []Held{
		{Volume: "here", Host: "h1"}, {Volume: "elsewhere", Host: "h2"}, {Volume: "moving", Host: "h2"}, {Volume: "nobody", Host: "h2"}, {Volume: "shared"},
	}
	survey := Compare(found, []id.Host{"h1", "h2"}, recorded)
	says := func(s Survey) string {
		text := ""
		for _, each := range s.Strays {
			text += fmt.Sprintf("%s@%s ", each.Volume, each.Host)
		}
		for _, each := range s.Missing {
			text += fmt.Sprintf("-%s ", each.ID)
		}
		return text
	}
	if got := says(survey); got != "elsewhere@h2 nobody@h2 -elsewhere -lost -shared-lost " || survey.Clean() {
		t.Errorf("the survey says %s", got)
	}
	again := Compare(found[:3], []id.Host{"h1", "h2"}, append(recorded[:4:4], recorded[5:]...))
	if got := says(survey.Still(again)); got != "elsewhere@h2 -elsewhere -shared-lost " {
		t.Errorf("the second look leaves %s", got)
	}
	if nobody := Compare(nil, nil, recorded); !nobody.Clean() {
		t.Errorf("without a host to ask: %+v", nobody)
	}
}
