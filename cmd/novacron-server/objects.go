package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/objectstore/swift"
)

// inSwift begins a place that is a container of Swift. What lets one in is in the file that -swift names.
const inSwift = "swift:"

// places reads where images and backups are kept, naming the flag that is wrong.
func (c *config) places() (err error) {
	if c.imagePlace, err = c.place(c.images); err != nil {
		return fmt.Errorf("-images: %w", err)
	}
	if c.backups == "" {
		return nil
	}
	if !strings.HasPrefix(c.backups, inSwift) {
		return fmt.Errorf("-backups: %q is no container such as swift:backups; a directory is set on hosts, with the worker's -repository", c.backups)
	}
	if c.backupPlace, err = c.place(c.backups); err != nil {
		return fmt.Errorf("-backups: %w", err)
	}
	if c.backupPlace.Same(c.imagePlace) {
		return errors.New("-backups: images are in that container; take another one")
	}
	return nil
}

// place reads a directory or swift:CONTAINER.
func (c *config) place(text string) (objectstore.Place, error) {
	container, remote := strings.CutPrefix(text, inSwift)
	if !remote {
		path, err := filepath.Abs(text)
		return objectstore.Place{Directory: path}, err
	}
	if c.swift == "" {
		return objectstore.Place{}, errors.New("that is in Swift: name the file that says how to get in with -swift, or set NOVACRON_SWIFT")
	}
	known, err := readSwift(c.swift)
	if err != nil {
		return objectstore.Place{}, fmt.Errorf("-swift %s: %w", c.swift, err)
	}
	known.Container = container
	place := objectstore.Place{Swift: &known}
	return place, place.Check()
}

// readSwift reads what lets one into Swift. The file must be its owner's only.
func readSwift(path string) (known objectstore.SwiftPlace, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return known, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return known, fmt.Errorf("others than its owner can read it, and it holds a key: chmod 600 %s", path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return known, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&known); err != nil {
		return known, fmt.Errorf(`it is not a JSON object such as {"auth_url": "https://swift.example.org/auth/v1.0", "user": "novacron:server", "key": "…"}: %w`, err)
	}
	if known.Container != "" {
		return known, errors.New("leave out the container: -images and -backups say which")
	}
	return known, nil
}

// openObjects opens a place. memory notes that this machine has seen a directory that is one.
func openObjects(place objectstore.Place, memory string) (objectstore.Store, error) {
	if place.Swift != nil {
		return swift.New(swift.Config{SwiftPlace: *place.Swift})
	}
	if err := dir.InitOnce(place.Directory, memory); err != nil {
		return nil, err
	}
	return dir.New(place.Directory)
}

// objectStores opens where images and backups are. Backups that are in a directory of hosts are theirs to open.
func objectStores(settings config) (images, backups api.ObjectStore, err error) {
	images = api.ObjectStore{Holds: "images", Place: settings.imagePlace}
	if images.Store, err = openObjects(settings.imagePlace, filepath.Join(settings.data, "seen", "images")); err != nil {
		return images, backups, fmt.Errorf("-images: %w", err)
	}
	backups = api.ObjectStore{Holds: "backups", Place: settings.backupPlace}
	if settings.backupPlace.Known() {
		backups.Store, err = openObjects(settings.backupPlace, "")
	}
	return images, backups, err
}

const (
	setUpEvery = 10 * time.Second // how often a container that could not be set up is tried again
	tidyEvery  = time.Hour
	tidyAge    = 24 * time.Hour // longer than any upload takes
)

// keepContainer sets a container up as soon as Swift lets it, and from then on removes what killed uploads left there.
func keepContainer(ctx context.Context, of objectstore.Store, holds string, log *slog.Logger) {
	container, remote := of.(*swift.Store)
	if !remote {
		return
	}
	for pause := setUpEvery; ; pause = tidyEvery {
		err := container.Init(ctx)
		if err == nil {
			err = container.Sweep(ctx, tidyAge)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("Swift does not do its work; it is tried again", "holds", holds, "error", err, "cause", errors.Unwrap(err))
			pause = setUpEvery
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// copyObjects brings every object that is missing from one place to another, each given as -images takes it. It can be
// repeated: what is there in its size is left alone.
func copyObjects(ctx context.Context, settings config, from, to string) error {
	var stores [2]objectstore.Store
	for i, text := range []string{from, to} {
		place, err := settings.place(text)
		if err != nil {
			return err
		}
		switch {
		case place.Swift == nil && i == 0:
			stores[i], err = dir.New(place.Directory) // one that is to be read is not made
		case place.Swift == nil:
			if err = dir.Init(place.Directory); err == nil {
				stores[i], err = dir.New(place.Directory)
			}
		default:
			stores[i], err = openObjects(place, "")
		}
		if container, remote := stores[i].(*swift.Store); remote && err == nil && i == 1 {
			err = container.Init(ctx)
		}
		if err != nil {
			return err
		}
	}
	copied, bytes, err := copyAll(ctx, stores[0], stores[1])
	fmt.Printf("%d objects, %d bytes copied\n", copied, bytes)
	return err
}

func copyAll(ctx context.Context, from, to objectstore.Store) (copied int, bytes int64, err error) {
	err = from.List(ctx, "", func(each objectstore.Object) error {
		there, err := to.Stat(ctx, each.Key)
		if err == nil && there.SizeBytes == each.SizeBytes {
			return nil
		}
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		content, err := from.Get(ctx, each.Key, 0, -1)
		if err != nil {
			return err
		}
		defer content.Close()
		copied, bytes = copied+1, bytes+each.SizeBytes
		return to.Put(ctx, each.Key, content, each.SizeBytes)
	})
	return copied, bytes, err
}
