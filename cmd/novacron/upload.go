package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
)

// sender sends a file to become an image, and goes on where it broke off.
type sender struct {
	p      *program
	to     *client.Client
	file   *os.File
	size   int64
	wanted client.Import
}

// sendTries is how often an upload is tried that brings nothing: the server lets go of a dead connection after a minute.
const sendTries = 15

func (s *sender) send(ctx context.Context, how client.Change) (client.Changed[image.Image], error) {
	if how.DryRun {
		return s.to.ImportImage(ctx, s.wanted, nil, how)
	}
	if err := s.know(); err != nil {
		return client.Changed[image.Image]{}, err
	}
	if err := s.ask(ctx); err != nil {
		return client.Changed[image.Image]{}, err
	}
	farthest := int64(-1)
	for idle := 0; ; idle++ {
		made, err := s.sendRest(ctx, how)
		if err == nil || !breaksOff(err) || ctx.Err() != nil {
			return made, err
		}
		if s.wanted.Offset > farthest {
			farthest, idle = s.wanted.Offset, 0
		}
		if idle == sendTries {
			return made, fmt.Errorf("%w; run the same command again to go on where it broke off", err)
		}
		fmt.Fprintf(s.p.err, "%s; going on in %s\n", err, s.p.sendPause)
		select {
		case <-time.After(s.p.sendPause):
		case <-ctx.Done():
			return made, ctx.Err()
		}
		if err := s.ask(ctx); err != nil && !breaksOff(err) {
			return made, err
		}
	}
}

// know works out the file's SHA-256, by which the server knows what it has of it.
func (s *sender) know() error {
	sum := sha256.New()
	reading := &counted{from: s.file}
	finish := s.p.meter("reading "+s.wanted.Name, "", reading, s.size)
	_, err := io.Copy(sum, reading)
	finish()
	if err != nil {
		return err
	}
	found := hex.EncodeToString(sum.Sum(nil))
	if s.wanted.SHA256 != "" && s.wanted.SHA256 != found {
		return fault.Invalid("--sha256: the file has the SHA-256 %s, not %s: check both", found, s.wanted.SHA256)
	}
	s.wanted.SHA256 = found
	return nil
}

// ask finds out what the server has.
func (s *sender) ask(ctx context.Context) (err error) {
	s.wanted.Offset, err = s.to.UploadedBytes(ctx, s.wanted.SHA256, s.wanted.Public)
	if s.wanted.Offset > s.size {
		s.wanted.Offset = 0 // what is there is not of this file
	}
	return err
}

// sendRest sends what the server did not have when it was asked.
func (s *sender) sendRest(ctx context.Context, how client.Change) (made client.Changed[image.Image], err error) {
	if _, err := s.file.Seek(s.wanted.Offset, io.SeekStart); err != nil {
		return made, err
	}
	s.wanted.Size = s.size - s.wanted.Offset
	sending := &counted{from: s.file}
	sending.done.Store(s.wanted.Offset)
	finish := s.p.meter("sending "+s.wanted.Name, ", being checked", sending, s.size)
	defer finish()
	return s.to.ImportImage(ctx, s.wanted, sending, how)
}

// breaksOff reports whether going on may help: the server was away, or has more or less of the file than it said.
func breaksOff(err error) bool {
	found, ok := errors.AsType[*fault.Error](err)
	return ok && (found.Kind == fault.KindUnavailable || found.Field == "offset")
}
