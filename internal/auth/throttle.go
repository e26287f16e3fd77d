package auth

import (
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// The throttle lets a few wrong guesses pass and then makes each one wait twice as long as the one before.
const (
	freeFailures = 5  // of one account from one source
	freeOfSource = 50 // of one source over all accounts: many people may share a proxy
	firstDelay   = 2 * time.Second
	longestDelay = 5 * time.Minute
	forgetAfter  = 15 * time.Minute
	maxWatched   = 10_000
)

// Throttle slows down guesses at passwords, by account and by where they come from. The zero value is not usable; see
// NewThrottle. It is safe for concurrent use.
type Throttle struct {
	now     func() time.Time
	mutex   sync.Mutex
	watched map[string]*failures
}

type failures struct {
	count int
	last  time.Time
	until time.Time
}

// NewThrottle makes a throttle that reads the time from now.
func NewThrottle(now func() time.Time) *Throttle {
	return &Throttle{now: now, watched: map[string]*failures{}}
}

// Admit says whether a guess at the account from the source may be tried now; the error is fault.Denied and says how
// long to wait.
func (t *Throttle) Admit(account, source string) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	var until time.Time
	for _, key := range keys(account, source) {
		if found, ok := t.watched[key]; ok && found.until.After(until) {
			until = found.until
		}
	}
	if wait := until.Sub(now); wait > 0 {
		return fault.Denied("too many wrong passwords; try again in %d seconds", int(wait/time.Second)+1)
	}
	return nil
}

// Failed records a wrong guess.
func (t *Throttle) Failed(account, source string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	if len(t.watched) >= maxWatched {
		t.forget(now)
	}
	free := freeFailures
	for _, key := range keys(account, source) {
		found, ok := t.watched[key]
		if !ok || now.Sub(found.last) > forgetAfter {
			found = &failures{}
			t.watched[key] = found
		}
		found.count++
		found.last = now
		if found.count >= free {
			delay := firstDelay << min(found.count-free, 10)
			found.until = now.Add(min(delay, longestDelay))
		}
		free = freeOfSource // the second key
	}
}

// Succeeded forgets the wrong guesses of that account and source together. What the source alone did stays, so that one
// known password does not open the way to guess others.
func (t *Throttle) Succeeded(account, source string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.watched, keys(account, source)[0])
}

// forget drops what is old; if that is not enough it drops everything, since memory matters more than an hour of guesses.
func (t *Throttle) forget(now time.Time) {
	for key, found := range t.watched {
		if now.Sub(found.last) > forgetAfter {
			delete(t.watched, key)
		}
	}
	if len(t.watched) >= maxWatched {
		clear(t.watched)
	}
}

// An account alone is no key: anybody could then lock somebody else out.
func keys(account, source string) [2]string {
	return [2]string{"both\x00" + account + "\x00" + source, "source\x00" + source}
}
