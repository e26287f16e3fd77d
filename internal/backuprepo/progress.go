package backuprepo

import (
	"sync"
	"time"
)

// Progress is told how many bytes of the disk are done and how many there are to do, at most every 200 ms and once at
// the end. Calls do not overlap.
type Progress func(done, total int64)

const progressEvery = 200 * time.Millisecond

// meter counts bytes and tells a Progress.
type meter struct {
	lock  sync.Mutex
	tell  Progress
	done  int64
	total int64
	last  time.Time
}

func newMeter(tell Progress, total int64) *meter {
	return &meter{tell: tell, total: total, last: time.Now()}
}

func (m *meter) add(bytes int64) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.done += bytes
	if m.tell == nil || (time.Since(m.last) < progressEvery && m.done != m.total) {
		return
	}
	m.last = time.Now()
	m.tell(m.done, m.total)
}
