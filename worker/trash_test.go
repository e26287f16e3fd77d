package worker

import (
	"net/http"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

// TestTrashIsEmptied deletes what has been in the trash for long enough, and leaves the rest there.
func TestTrashIsEmptied(t *testing.T) {
	p := usePlant(t)
	made := map[string]id.Volume{}
	for _, name := range []string{"due", "not-due"} {
		begun := p.begin(t, http.MethodPost, "/volumes", map[string]any{"name": name, "size_bytes": 16 << 20, "pool": "local", "host": "h1"})
		if ended := p.ended(t, begun.ID); ended.State != operation.Succeeded {
			t.Fatalf("%s: %+v", name, ended.Error)
		}
		made[name] = id.Volume(begun.Subject.ID)
		ask[volume.Volume](t, p, http.MethodDelete, "/volumes/"+name, nil, http.StatusOK)
	}
	p.exec(t, "update volumes set purge_at = now() - interval '1 second' where name = 'due'")
	for range 2 {
		must(t, p.control.emptyTrash(t.Context()))
	}
	await(t, soon, "the volume that is due is deleted", func() bool {
		_, err := p.store.GetVolume(t.Context(), made["due"])
		return fault.Is(err, fault.KindNotFound)
	})
	if _, err := p.hosts["h1"].local.InspectVolume(t.Context(), made["due"]); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("its bytes: %v", err)
	}
	if kept, err := p.store.GetVolume(t.Context(), made["not-due"]); err != nil || kept.State != volume.Trashed {
		t.Errorf("the one that is not due: %+v, %v", kept, err)
	}
	p.ended(t, p.begin(t, http.MethodPost, "/volumes/not-due/purge", nil).ID)
}
