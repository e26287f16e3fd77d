package auth

import (
	"sync"
	"time"
)

const maxRemembered = 10_000

// Memory remembers for a short while whom a token belongs to, so that not every request asks the database. What was
// revoked elsewhere is believed for at most the lifetime. It is safe for concurrent use.
type Memory struct {
	lifetime time.Duration
	now      func() time.Time
	mutex    sync.Mutex
	known    map[[HashLength]byte]remembered
}

type remembered struct {
	principal Principal
	until     time.Time
}

// NewMemory makes a memory that reads the time from now.
func NewMemory(lifetime time.Duration, now func() time.Time) *Memory {
	return &Memory{lifetime: lifetime, now: now, known: map[[HashLength]byte]remembered{}}
}

// Recall returns whom the token of that hash belongs to, asking find if it is not remembered. Errors are not remembered.
func (m *Memory) Recall(hash []byte, find func() (Principal, error)) (Principal, error) {
	key := [HashLength]byte(hash)
	now := m.now()
	m.mutex.Lock()
	found, ok := m.known[key]
	m.mutex.Unlock()
	if ok && now.Before(found.until) {
		return found.principal, nil
	}
	principal, err := find()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err != nil {
		delete(m.known, key)
		return Principal{}, err
	}
	if len(m.known) >= maxRemembered {
		clear(m.known)
	}
	m.known[key] = remembered{principal: principal, until: now.Add(m.lifetime)}
	return principal, nil
}

// Forget drops the principals that gone says are no longer to be believed.
func (m *Memory) Forget(gone func(Principal) bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for key, found := range m.known {
		if gone(found.principal) {
			delete(m.known, key)
		}
	}
}
