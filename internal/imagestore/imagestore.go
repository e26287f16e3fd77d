package imagestore

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/store"
)

// Config is what a Store is made of.
type Config struct {
	Inventory *store.Store
	Objects   objectstore.Store // bytes of images, under images/<sha256>
	Spool     string            // directory in which files wait until they were examined; empty means the system's
	MaxBytes  int64             // of an image, as it comes and as it is kept; 0 means 1 TiB
	Log       *slog.Logger      // nil means slog.Default()
}

// Store keeps images. It is safe for concurrent use, and several processes may have one of the same objects.
type Store struct {
	config Config
	turns  chan struct{} // of what takes much of the machine, or a connection to the database
}

// atOnce is how many conversions, and how many stores of bytes, go on at the same time.
const atOnce = 2

// New makes a store.
func New(config Config) *Store {
	if config.MaxBytes == 0 {
		config.MaxBytes = 1 << 40
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	return &Store{config: config, turns: make(chan struct{}, atOnce)}
}

// MaxBytes is the size of the largest image that is taken in.
func (s *Store) MaxBytes() int64 { return s.config.MaxBytes }

// Key is where an image's bytes are among the objects.
func Key(sha256 string) string { return "images/" + sha256 }

func (s *Store) turn(ctx context.Context) (release func(), err error) {
	select {
	case s.turns <- struct{}{}:
		return func() { <-s.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Wanted is an image that is to be kept.
type Wanted struct {
	ID      id.Image
	Project id.Project // empty for every project
	Name    string
}

// Ready is a file that was found fit to be kept.
type Ready struct {
	Path         string `json:"-"`
	Format       string `json:"format"`
	SourceFormat string `json:"source_format"`
	Packed       bool   `json:"packed,omitempty"` // it came as gzip
	SHA256       string `json:"sha256"`
	SizeBytes    int64  `json:"size_bytes"`
	VirtualBytes int64  `json:"virtual_bytes"`
}

// Keep stores the bytes and records the image. An image of this name and these bytes that is there already is answered as
// it is, and gets bytes that it had lost back; Conflict at "name" if the name is taken by other bytes. If recording fails, bytes that
// nobody else has are removed again.
func (s *Store) Keep(ctx context.Context, wanted Wanted, from Ready) (kept image.Image, created bool, err error) {
	release, err := s.turn(ctx)
	if err != nil {
		return image.Image{}, false, err
	}
	defer release()
	kept, created, stored, err := s.keep(ctx, wanted, from)
	if err != nil && stored {
		s.dropBytes(context.WithoutCancel(ctx), from.SHA256)
	}
	return kept, created, err
}

func (s *Store) keep(ctx context.Context, wanted Wanted, from Ready) (kept image.Image, created, stored bool, err error) {
	release, err := s.config.Inventory.ShareImageBytes(ctx, from.SHA256)
	if err != nil {
		return image.Image{}, false, false, err
	}
	defer release()
	there, err := s.config.Inventory.GetImage(ctx, wanted.Project, wanted.Name)
	taken := err == nil && there.Project == wanted.Project
	if taken && there.SHA256 != from.SHA256 {
		return image.Image{}, false, false, fault.Conflict("there is an image named %s already, with other bytes; choose another name or delete it", wanted.Name).At("name")
	}
	if taken && s.Check(ctx, there) == nil {
		return there, false, false, nil
	}
	if err := s.put(ctx, from); err != nil {
		return image.Image{}, false, false, err
	}
	if taken {
		return there, false, false, nil
	}
	err = s.config.Inventory.InsertImage(ctx, image.Image{
		ID: wanted.ID, Project: wanted.Project, Name: wanted.Name, Format: from.Format, SourceFormat: from.SourceFormat, SHA256: from.SHA256,
		SizeBytes: from.SizeBytes, VirtualBytes: from.VirtualBytes,
	})
	if err != nil {
		return image.Image{}, false, true, err
	}
	kept, err = s.config.Inventory.GetImage(ctx, "", string(wanted.ID))
	return kept, true, false, err
}

func (s *Store) put(ctx context.Context, from Ready) error {
	file, err := os.Open(from.Path)
	if err != nil {
		return unreadable(err)
	}
	defer file.Close()
	return refused(s.config.Objects.Put(ctx, Key(from.SHA256), file, from.SizeBytes))
}

// Delete forgets an image, and removes its bytes unless another image has the same; Conflict while VMs stand on it.
func (s *Store) Delete(ctx context.Context, of image.Image) error {
	if err := s.config.Inventory.DeleteImage(ctx, of.ID); err != nil {
		return err
	}
	s.dropBytes(context.WithoutCancel(ctx), of.SHA256)
	return nil
}

// Discard removes what a Keep that did not end may have left: the row, and the bytes unless another image has the same.
// Nothing there is fine.
func (s *Store) Discard(ctx context.Context, wanted id.Image, sha256 string) error {
	err := s.config.Inventory.DeleteImage(ctx, wanted)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	return s.drop(ctx, sha256)
}

// dropBytes removes an image's bytes unless another image has the same. The image is gone either way: bytes that stay
// behind cost room, not truth, and the next image of the same content takes them over.
func (s *Store) dropBytes(ctx context.Context, sha256 string) {
	if err := s.drop(ctx, sha256); err != nil {
		s.config.Log.WarnContext(ctx, "bytes of a deleted image stay behind", "sha256", sha256, "error", err, "cause", errors.Unwrap(err))
	}
}

func (s *Store) drop(ctx context.Context, sha256 string) error {
	release, err := s.config.Inventory.HoldImageBytes(ctx, sha256)
	if err != nil {
		return err
	}
	defer release()
	left, err := s.config.Inventory.ListImages(ctx, "")
	if err != nil {
		return err
	}
	for _, each := range left {
		if each.SHA256 == sha256 {
			return nil
		}
	}
	return refused(s.config.Objects.Delete(ctx, Key(sha256)))
}

// Open reads an image's bytes from an offset on; Internal if they are not there.
func (s *Store) Open(ctx context.Context, of image.Image, offset int64) (io.ReadCloser, error) {
	content, err := s.config.Objects.Get(ctx, Key(of.SHA256), offset, -1)
	return content, lost(of, err)
}

// Check says whether an image's bytes are there; Internal if they are not.
func (s *Store) Check(ctx context.Context, of image.Image) error {
	_, err := s.config.Objects.Stat(ctx, Key(of.SHA256))
	return lost(of, err)
}

func lost(of image.Image, err error) error {
	if fault.Is(err, fault.KindNotFound) {
		return fault.Internal("the bytes of image %s are not in the image store; import it again", of.Name).Because(err)
	}
	return refused(err)
}

// refused makes what the store refuses the server an outage: whoever asks for an image may have it, and it passes when the
// server's credentials are corrected.
func refused(err error) error {
	if fault.Is(err, fault.KindDenied) {
		return fault.Unavailable("the store of images refuses the server: its administrator sees why with novacron object-store list").Because(err)
	}
	return err
}

func unreadable(err error) error {
	return fault.Internal("the image cannot be read back on this server").Because(err)
}

// examined is what imagefile finds in a file.
func examined(path string) (imagefile.Finding, error) {
	file, err := os.Open(path)
	if err != nil {
		return imagefile.Finding{}, unreadable(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return imagefile.Finding{}, unreadable(err)
	}
	return imagefile.Examine(file, info.Size())
}
