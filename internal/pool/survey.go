package pool

import (
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// Held is a volume that a host finds in a pool.
type Held struct {
	Volume         id.Volume `json:"volume_id"`
	Host           id.Host   `json:"host_id,omitempty"` // whose own pool it is in; empty in a shared one
	HostName       string    `json:"host_name,omitempty"`
	SizeBytes      int64     `json:"size_bytes"`
	AllocatedBytes int64     `json:"allocated_bytes"`
}

// Survey is where a pool and the inventory differ.
type Survey struct {
	Held    int             `json:"held"`    // volumes that were found
	Strays  []Held          `json:"strays"`  // those that belong to nobody
	Missing []volume.Volume `json:"missing"` // those that should be there and are not
}

// Compare says where what hosts found in a pool differs from the volumes that the inventory has in it. Volumes that an
// operation is at work on are on their way, and no difference. Only the pools of the hosts that were asked are compared.
func Compare(found []Held, asked []id.Host, recorded []volume.Volume) Survey {
	survey := Survey{Held: len(found), Strays: []Held{}, Missing: []volume.Volume{}}
	known := map[id.Volume]volume.Volume{}
	for _, each := range recorded {
		known[each.ID] = each
	}
	type place struct {
		volume id.Volume
		host   id.Host
	}
	there := map[place]bool{}
	for _, each := range found {
		there[place{each.Volume, each.Host}] = true
		record, recorded := known[each.Volume]
		if !recorded || record.Host != each.Host && record.Operation == "" {
			survey.Strays = append(survey.Strays, each)
		}
	}
	reached := map[id.Host]bool{"": len(asked) > 0}
	for _, each := range asked {
		reached[each] = true
	}
	for _, each := range recorded {
		settled := each.Operation == "" && each.State != volume.Creating
		if settled && reached[each.Host] && !there[place{each.ID, each.Host}] {
			survey.Missing = append(survey.Missing, each)
		}
	}
	return survey
}

// Still keeps the differences that a second look found too: what was made or deleted in between is none.
func (s Survey) Still(again Survey) Survey {
	kept := Survey{Held: again.Held, Strays: []Held{}, Missing: []volume.Volume{}}
	for _, each := range s.Strays {
		for _, other := range again.Strays {
			if each.Volume == other.Volume && each.Host == other.Host {
				kept.Strays = append(kept.Strays, other)
			}
		}
	}
	for _, each := range s.Missing {
		for _, other := range again.Missing {
			if each.ID == other.ID {
				kept.Missing = append(kept.Missing, other)
			}
		}
	}
	return kept
}

// Clean reports whether nothing differs.
func (s Survey) Clean() bool { return len(s.Strays) == 0 && len(s.Missing) == 0 }
