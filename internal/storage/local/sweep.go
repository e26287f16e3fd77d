package local

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/storage/qemunbd"
)

// Leftovers are kept this long: a partial image so that the next fetch goes on from it, an unfinished volume of a shared
// pool because file systems exist on which another host's lock is not seen.
const (
	keepPartialImage    = 24 * time.Hour
	keepUnfinishedShare = time.Hour
)

// removeLeftovers clears away what processes that are gone left unfinished. Failures are left to the next start: nothing
// here has a name that anyone would take for a result.
func (p *Pool) removeLeftovers() {
	age := time.Duration(0)
	if p.config.Shared {
		age = keepUnfinishedShare
	}
	p.eachLeftover(volumesDir, creatingPrefix, age, func(path string) { _ = remove(path) })
	p.eachLeftover(imagesDir, fetchingPrefix, keepPartialImage, func(path string) { _ = remove(path) })
	p.eachLeftover(imagesDir, deletingPrefix, age, func(path string) {
		name := filepath.Base(path)
		if p.checkUnused(imageOf(name)) == nil {
			_ = remove(path)
			return
		}
		_ = publish(path, p.imagePath(strings.TrimPrefix(name, deletingPrefix)))
	})
	qemunbd.RemoveDeadSockets(p.config.RuntimeDir)
}

// eachLeftover calls act for each file with the prefix that is older than age and that nobody works on.
func (p *Pool) eachLeftover(dir, prefix string, age time.Duration, act func(path string)) {
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, dir))
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), prefix) || time.Since(info.ModTime()) < age {
			continue
		}
		path := filepath.Join(p.config.Dir, dir, entry.Name())
		file, busy, err := lockFile(path, false)
		if err != nil || busy {
			continue
		}
		act(path)
		file.Close()
	}
}
