package placement

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// FitsPool says whether a disk of that size can be made in a pool of a host, and what the host says of the pool. The error is
// at "pool".
func FitsPool(on host.Host, pool string, bytes int64) (host.PoolFact, error) {
	reason, cause := check{pool: pool, diskBytes: bytes}.poolLacks(on)
	fact, _ := on.Pool(pool)
	switch {
	case reason == "":
		return fact, nil
	case cause == noRoom:
		return fact, fault.Exhausted("host %s %s; choose another pool", on.Name, reason).At("pool")
	}
	return fact, fault.Invalid("host %s %s; choose another pool", on.Name, reason).At("pool")
}

// Request is what a VM needs of its host.
type Request struct {
	Spec       vm.Spec
	DiskBytes  int64           // new disks to make there; 0 for none
	Recorded   bool            // the inventory has them already, so that they are promised if their pool is shared
	Pool       string          // where to make them; empty: a shared pool if every host that may be chosen has one, else local
	Host       id.Host         // the host that was asked for; empty: any
	From       id.Host         // the host that the VM is on; it is never chosen, and a live move needs one like it
	Live       bool            // the VM keeps running during the move, so that the hosts' processors must match
	Exclude    []id.Host       // hosts to leave out, such as those that a try has just failed on
	Volumes    []volume.Volume // disks that exist and come along
	NeedShared bool            // disks may not be copied: the host must see them where they are
}

// Choice is the host that was chosen.
type Choice struct {
	Host     id.Host   `json:"host_id"`
	HostName string    `json:"host_name"`
	Pool     string    `json:"pool" doc:"The pool for new disks, or for those that are copied"`
	Score    float64   `json:"score" doc:"0 to 1; the highest wins"`
	Reasons  []string  `json:"reasons"`
	Refused  []Refusal `json:"refused,omitempty" doc:"The hosts that cannot take the VM"`
}

// Refusal says why a host cannot take the VM.
type Refusal struct {
	Host     id.Host `json:"host_id"`
	HostName string  `json:"host_name"`
	Reason   string  `json:"reason" doc:"Reads on after the host's name: is cordoned"`
	cause    cause
}

// cause tells refusals apart by what would help.
type cause int

const (
	unfit  cause = iota // the host is the wrong one as things stand
	noRoom              // there is no room now, or something there does not answer
	tooBig              // the VM is larger than the whole host
	noPool              // the host has no such pool
)

// Sizes of what a pool may promise.
const (
	// SharedPool and LocalPool are the pools taken when none is named.
	SharedPool = "shared"
	LocalPool  = "local"
)

// Choose picks the host with the most room left in the best balance of CPU and memory. It is deterministic: equal hosts
// are told apart by their number of VMs, then by name. The error is fault.Exhausted if waiting or more room would help,
// and fault.Invalid at the field to change if not; both say why each host was refused.
func Choose(request Request, hosts []host.Host, now time.Time) (Choice, error) {
	ordered := slices.Clone(hosts)
	slices.SortFunc(ordered, func(a, b host.Host) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	if request.Host != "" {
		ordered = slices.DeleteFunc(ordered, func(h host.Host) bool { return h.ID != request.Host })
	}
	check := newCheck(request, hosts, ordered, now)
	var best host.Host
	choice := Choice{Score: -1, Pool: check.pool}
	for _, candidate := range ordered {
		if refusal, refused := check.refuse(candidate); refused {
			choice.Refused = append(choice.Refused, refusal)
			continue
		}
		score := check.score(candidate)
		if score > choice.Score || score == choice.Score && candidate.VMs < best.VMs {
			best, choice.Score = candidate, score
		}
	}
	if best.ID == "" {
		return Choice{}, check.failure(choice.Refused)
	}
	choice.Host, choice.HostName = best.ID, best.Name
	choice.Reasons = check.reasons(best, len(ordered)-len(choice.Refused))
	return choice, nil
}

// reasons explains the choice.
func (c check) reasons(best host.Host, suitable int) []string {
	free := best.Free()
	why := fmt.Sprintf("%s has the most room of %d suitable hosts", best.Name, suitable)
	switch {
	case c.request.Host != "":
		why = fmt.Sprintf("%s was asked for", best.Name)
	case suitable == 1:
		why = fmt.Sprintf("%s is the only suitable host", best.Name)
	}
	reasons := []string{
		why,
		fmt.Sprintf("%s of its memory and %d virtual CPUs can be promised still", size(free.MemoryBytes), free.CPUs),
	}
	if pool, found := best.Pool(c.pool); found && c.diskBytes > 0 {
		reasons = append(reasons, fmt.Sprintf("pool %s has %s free", pool.Name, size(pool.CapacityBytes-pool.UsedBytes)))
	}
	return reasons
}
