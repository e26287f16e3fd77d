package imagestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// UploadPlace is the place of a file that a client sends and goes on with after it broke off: of one project and one SHA-256.
// Lock makes it. Until the file is whole and checked, anybody of the project may send what comes next; the hash decides.
func (s *Store) UploadPlace(of id.Project, sha256Hex string) Place {
	sum := sha256.Sum256([]byte(string(of) + "\x00" + sha256Hex))
	return Place{dir: filepath.Join(s.spool(), placePrefix+"upload-"+hex.EncodeToString(sum[:16]))}
}

// ReceivedBytes is how much of a file has come; none if nobody began to send it.
func (p Place) ReceivedBytes() int64 {
	info, err := os.Stat(p.Received())
	if err != nil {
		return 0
	}
	return info.Size()
}

// LockSoon is Lock for somebody who waits: the error is Conflict if the place stays taken for a while.
func (p Place) LockSoon(ctx context.Context, limit time.Duration) (release func(), err error) {
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	release, err = p.Lock(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fault.Conflict("another connection is sending this file, or broke off within the last minute; try again in a minute").At("offset")
	}
	return release, err
}
