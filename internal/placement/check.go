package placement

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
)

// check holds a request with what is worked out once for all hosts.
type check struct {
	request   Request
	now       time.Time
	from      host.Host // zero if the VM is nowhere yet
	pool      string    // for new disks and copies
	diskBytes int64     // to be made or copied to a host that does not see them
	excluded  map[id.Host]bool
}

func newCheck(request Request, all, candidates []host.Host, now time.Time) check {
	c := check{request: request, now: now, diskBytes: request.DiskBytes, excluded: map[id.Host]bool{}}
	for _, left := range request.Exclude {
		c.excluded[left] = true
	}
	if at := slices.IndexFunc(all, func(h host.Host) bool { return request.From != "" && h.ID == request.From }); at >= 0 {
		c.from = all[at]
	}
	for _, disk := range request.Volumes {
		if disk.Host != "" {
			c.diskBytes += disk.SizeBytes
		}
	}
	c.pool = c.choosePool(candidates)
	return c
}

// choosePool finds the pool for new disks and copies when none was named.
func (c check) choosePool(candidates []host.Host) string {
	if c.request.Pool != "" {
		return c.request.Pool
	}
	for _, disk := range c.request.Volumes {
		if disk.Host != "" {
			return disk.Pool
		}
	}
	if len(c.request.Volumes) > 0 {
		return c.request.Volumes[0].Pool
	}
	shared := c.common(candidates, func(fact host.PoolFact) bool { return fact.Shared })
	own := c.common(candidates, func(fact host.PoolFact) bool { return !fact.Shared })
	switch {
	case slices.Contains(shared, SharedPool):
		return SharedPool
	case len(shared) > 0:
		return shared[0]
	case len(own) > 0 && !slices.Contains(own, LocalPool):
		return own[0]
	default:
		return LocalPool
	}
}

// common lists the available pools of one sort that every candidate has, by name.
func (c check) common(candidates []host.Host, wanted func(host.PoolFact) bool) []string {
	var common []string
	first := true
	for _, candidate := range candidates {
		if c.excluded[candidate.ID] || candidate.ID == c.request.From || candidate.StateAt(c.now) != host.Ready {
			continue
		}
		var here []string
		for _, fact := range candidate.Facts.Pools {
			if wanted(fact) && fact.Available && (first || slices.Contains(common, fact.Name)) {
				here = append(here, fact.Name)
			}
		}
		common, first = here, false
	}
	slices.Sort(common)
	return common
}

// refuse says why a host cannot take the VM; false if it can.
func (c check) refuse(h host.Host) (Refusal, bool) {
	refusal := Refusal{Host: h.ID, HostName: h.Name}
	state := h.StateAt(c.now)
	switch {
	case h.ID == c.request.From:
		refusal.Reason = "has the VM already"
	case c.excluded[h.ID]:
		refusal.Reason = "is left out of this choice"
	case state == host.Offline:
		refusal.Reason = fmt.Sprintf("has not answered for %s", c.now.Sub(h.LastSeenAt).Round(time.Second))
	case state == host.Cordoned:
		refusal.Reason = "is cordoned and takes no VMs until it is uncordoned"
	case c.unlike(h) != "":
		refusal.Reason = c.unlike(h)
	default:
		refusal.Reason, refusal.cause = c.lacks(h)
	}
	return refusal, refusal.Reason != ""
}

// unlike says why a running VM cannot go on with this host's processors.
func (c check) unlike(h host.Host) string {
	switch {
	case !c.request.Live || c.from.ID == "":
		return ""
	case h.Facts.Architecture != c.from.Facts.Architecture:
		return fmt.Sprintf("has the architecture %s, and %s has %s", h.Facts.Architecture, c.from.Name, c.from.Facts.Architecture)
	case h.Facts.Acceleration != c.from.Facts.Acceleration:
		return fmt.Sprintf("runs VMs by %s, and %s by %s; move the VM while it is off", h.Facts.Acceleration, c.from.Name, c.from.Facts.Acceleration)
	}
	return ""
}

// lacks says what the host has too little of, and what kind of lack that is.
func (c check) lacks(h host.Host) (string, cause) {
	free, spec := h.Free(), c.request.Spec
	if most := h.Facts.MemoryBytes - host.ReservedMemoryBytes; spec.MemoryBytes > most {
		return fmt.Sprintf("can give VMs %s of memory in all, and %s are needed", size(max(0, most)), size(spec.MemoryBytes)), tooBig
	}
	if spec.CPUs > h.Facts.CPUs*host.CPUOvercommit {
		return fmt.Sprintf("can give VMs %d CPUs in all, and %d are needed", h.Facts.CPUs*host.CPUOvercommit, spec.CPUs), tooBig
	}
	if spec.MemoryBytes > free.MemoryBytes {
		return fmt.Sprintf("has %s of memory left, and %s are needed", size(free.MemoryBytes), size(spec.MemoryBytes)), noRoom
	}
	if spec.CPUs > free.CPUs {
		return fmt.Sprintf("has %d virtual CPUs left, and %d are needed", free.CPUs, spec.CPUs), noRoom
	}
	if reason, cause := c.unseen(h); reason != "" {
		return reason, cause
	}
	if c.diskBytes == 0 {
		return "", unfit
	}
	return c.poolLacks(h)
}

// unseen says which of the VM's disks the host can neither see nor be sent.
func (c check) unseen(h host.Host) (string, cause) {
	for _, disk := range c.request.Volumes {
		if disk.Host == "" {
			fact, found := h.Pool(disk.Pool)
			if !found || !fact.Shared {
				return fmt.Sprintf("does not see the shared pool %s, which holds disk %s", disk.Pool, disk.Device), unfit
			}
			if !fact.Available {
				return fmt.Sprintf("cannot reach pool %s now%s", disk.Pool, because(fact.Detail)), noRoom
			}
			continue
		}
		if c.request.NeedShared && disk.Host != h.ID {
			return fmt.Sprintf("does not see disk %s, which is in a pool of another host", disk.Device), unfit
		}
	}
	return "", unfit
}

// poolLacks says why the pool cannot take the disks.
func (c check) poolLacks(h host.Host) (string, cause) {
	fact, found := h.Pool(c.pool)
	promised := fact.PromisedBytes
	if !c.request.Recorded || !fact.Shared {
		promised += c.diskBytes
	}
	most := int64(fact.Overcommit * float64(fact.CapacityBytes))
	switch {
	case !found:
		return fmt.Sprintf("has no pool %s", c.pool), noPool
	case !fact.Available:
		return fmt.Sprintf("cannot use pool %s now%s", c.pool, because(fact.Detail)), noRoom
	case float64(fact.UsedBytes) >= pool.FullFraction*float64(fact.CapacityBytes):
		return fmt.Sprintf("has a full pool %s: %s of %s are used", c.pool, size(fact.UsedBytes), size(fact.CapacityBytes)), noRoom
	case promised > most:
		return fmt.Sprintf("may promise %s in pool %s (%g times its capacity), too little for a disk of %s beside the %s that are promised",
			size(most), c.pool, fact.Overcommit, size(c.diskBytes), size(promised-c.diskBytes)), noRoom
	}
	return "", unfit
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + detail + ")"
}

// score is 0 to 1: the room left once the VM is there, less for CPU and memory that would be left out of balance, which
// strands the one of them that is left over.
func (c check) score(h host.Host) float64 {
	free := h.Free()
	memory := fraction(float64(free.MemoryBytes-c.request.Spec.MemoryBytes), float64(h.Facts.MemoryBytes-host.ReservedMemoryBytes))
	cpus := fraction(float64(free.CPUs-c.request.Spec.CPUs), float64(h.Facts.CPUs*host.CPUOvercommit))
	idle := 1 - min(1, max(0, h.Use.CPUFraction))
	if math.IsNaN(idle) {
		idle = 0
	}
	disk := 1.0
	if fact, found := h.Pool(c.pool); found && !fact.Shared {
		disk = fraction(float64(fact.CapacityBytes-fact.UsedBytes), float64(fact.CapacityBytes))
	}
	room := 0.45*memory + 0.25*cpus + 0.2*idle + 0.1*disk
	return room * (1 - 0.25*math.Abs(memory-cpus))
}

func fraction(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(1, max(0, part/whole))
}

// refusalsShown is how many refusals an error spells out.
const refusalsShown = 5

// failure explains why no host can take the VM.
func (c check) failure(refused []Refusal) error {
	if c.request.Host != "" {
		if len(refused) == 0 {
			return fault.Invalid("there is no host %s; see the list of hosts", c.request.Host).At("host")
		}
		message := fmt.Sprintf("host %s %s; choose another host or leave the choice to the placement", refused[0].HostName, refused[0].Reason)
		if refused[0].cause == noRoom {
			return fault.New(fault.KindExhausted, message).At("host")
		}
		return fault.New(fault.KindInvalid, message).At("host")
	}
	if len(refused) == 0 {
		return fault.Exhausted("there is no host yet to put a VM on; add one first")
	}
	kind, field := c.kindOf(refused)
	advice := "free or add room, or ask for less"
	if kind == fault.KindInvalid {
		advice = "change the request"
	}
	return fault.New(kind, fmt.Sprintf("no host can take the %s; %s: %s", c.what(), advice, summary(refused))).At(field)
}

// what is to be placed: a volume by itself needs no processor.
func (c check) what() string {
	if c.request.Spec.CPUs == 0 {
		return "volume"
	}
	return "VM"
}

// kindOf tells a request that no host could ever fulfil from a lack of room that may pass.
func (c check) kindOf(refused []Refusal) (fault.Kind, string) {
	all := func(wanted cause) bool {
		return !slices.ContainsFunc(refused, func(r Refusal) bool { return r.cause != wanted })
	}
	switch {
	case all(noPool):
		return fault.KindInvalid, "pool"
	case all(tooBig):
		return fault.KindInvalid, "memory_bytes"
	}
	return fault.KindExhausted, ""
}

// summary lists the refusals, those for lack of room first, since they say what would help.
func summary(refused []Refusal) string {
	sorted := slices.Clone(refused)
	slices.SortStableFunc(sorted, func(a, b Refusal) int { return cmp.Compare(order(a), order(b)) })
	texts := make([]string, 0, refusalsShown+1)
	for i, refusal := range sorted {
		if i == refusalsShown && len(sorted) > refusalsShown+1 {
			texts = append(texts, fmt.Sprintf("and %d more", len(sorted)-i))
			break
		}
		texts = append(texts, refusal.HostName+" "+refusal.Reason)
	}
	return strings.Join(texts, "; ")
}

func order(r Refusal) int {
	if r.cause == noRoom {
		return 0
	}
	return 1
}

func size(bytes int64) string {
	const gibibyte = 1 << 30
	if bytes >= gibibyte {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(bytes)/gibibyte), ".0") + " GiB"
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
