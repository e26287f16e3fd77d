package swift

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Swift's own checksum of what travels
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ncw/swift/v2"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/novacron/internal/fault"
)

const (
	uploadsAtOnce = 4
	memoryMost    = 32 << 20 // of all segments of one upload that are under way
	contentType   = "application/octet-stream"
	tidyWithin    = 30 * time.Second
	uploadHeader  = "X-Object-Meta-Upload" // of a manifest: the name of the upload whose segments it joins
)

// Put implements objectstore.Store.
func (s *Store) Put(ctx context.Context, key string, content io.Reader, size int64) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	if size < 0 || size > maxObject {
		return fault.Invalid("an object has 0 to %d bytes, not %d", int64(maxObject), size)
	}
	exact := &exactly{content: content, left: size}
	var err error
	if size <= s.config.SegmentBytes {
		err = s.putWhole(ctx, key, exact, size)
	} else {
		err = s.putSegments(ctx, key, exact, size)
	}
	return s.explain(ctx, "", err) // what is not found when something is stored is the container
}

// exactly reads as many bytes as were announced; more or less of them is an error.
type exactly struct {
	content io.Reader
	left    int64
}

// fill reads the next part, which is the last one where nothing is left.
func (e *exactly) fill(part []byte) error {
	if _, err := io.ReadFull(e.content, part); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fault.Invalid("the object ended %d bytes early or more", e.left-int64(len(part))+1)
		}
		return fault.Unavailable("what was to be stored could not be read").Because(err)
	}
	if e.left -= int64(len(part)); e.left > 0 {
		return nil
	}
	var more [1]byte
	if count, _ := io.ReadFull(e.content, more[:]); count > 0 { // any error means that there is no more
		return fault.Invalid("the object has more bytes than were announced")
	}
	return nil
}

func (s *Store) putWhole(ctx context.Context, key string, content *exactly, size int64) error {
	part := make([]byte, size)
	if err := content.fill(part); err != nil {
		return err
	}
	// Most objects are new. One that is there may have segments, which go with it.
	err := s.send(ctx, s.config.Container, key, part, swift.Headers{"If-None-Match": "*"})
	if status(err) != http.StatusPreconditionFailed {
		return err
	}
	old, err := s.uploadOf(ctx, key)
	if err != nil {
		return err
	}
	if err := s.send(ctx, s.config.Container, key, part, nil); err != nil {
		return err
	}
	return s.deleteUpload(ctx, key, old)
}

// send stores bytes that Swift compares with their MD5.
func (s *Store) send(ctx context.Context, container, name string, part []byte, headers swift.Headers) error {
	sum := md5.Sum(part) //nolint:gosec // Swift's own checksum of what travels
	hash := hex.EncodeToString(sum[:])
	all := swift.Headers{"Content-Length": fmt.Sprint(len(part))}
	for name, value := range headers {
		all[name] = value
	}
	return s.insist(ctx, func() error {
		_, err := s.connection.ObjectPut(ctx, container, name, bytes.NewReader(part), true, hash, contentType, all)
		return err
	})
}

// segmentsFor says how large segments are and how many may be under way.
func (s *Store) segmentsFor(size int64) (segment int64, atOnce int) {
	segment = max(s.config.SegmentBytes, (size+maxSegments-1)/maxSegments)
	return segment, int(min(max(memoryMost/segment, 1), uploadsAtOnce))
}

// piece is a segment in a manifest, as Swift reads it:
// https://docs.openstack.org/swift/latest/middleware.html#module-swift.common.middleware.slo
type piece struct {
	Path  string `json:"path"`
	Etag  string `json:"etag"`
	Bytes int64  `json:"size_bytes"`
}

func (s *Store) putSegments(ctx context.Context, key string, content *exactly, size int64) error {
	upload := rand.Text()
	pieces, err := s.sendSegments(ctx, key, upload, content, size)
	if err == nil {
		err = s.join(ctx, key, upload, pieces)
	}
	if err != nil {
		tidying, stop := context.WithTimeout(context.WithoutCancel(ctx), tidyWithin)
		defer stop()
		_ = s.deleteUpload(tidying, key, upload) // what stays is swept
	}
	return err
}

func (s *Store) sendSegments(ctx context.Context, key, upload string, content *exactly, size int64) ([]piece, error) {
	segment, atOnce := s.segmentsFor(size)
	buffers := sync.Pool{New: func() any { buffer := make([]byte, segment); return &buffer }}
	pieces := make([]piece, (size+segment-1)/segment)
	sending, limited := errgroup.WithContext(ctx)
	sending.SetLimit(atOnce)
	var broken error
	for number := range pieces {
		if limited.Err() != nil {
			break
		}
		buffer, _ := buffers.Get().(*[]byte)
		part := (*buffer)[:min(segment, size-int64(number)*segment)]
		if broken = content.fill(part); broken != nil {
			break
		}
		sending.Go(func() error {
			defer buffers.Put(buffer)
			name := segmentName(key, upload, number)
			sum := md5.Sum(part) //nolint:gosec // Swift's own checksum of what travels
			pieces[number] = piece{Path: "/" + s.segments() + "/" + name, Etag: hex.EncodeToString(sum[:]), Bytes: int64(len(part))}
			return s.send(limited, s.segments(), name, part, nil)
		})
	}
	err := sending.Wait()
	if broken != nil {
		return nil, broken
	}
	return pieces, err
}

func segmentName(key, upload string, number int) string {
	return fmt.Sprintf("%s%08d", uploadPrefix(key, upload), number)
}

func uploadPrefix(key, upload string) string { return key + "/" + upload + "/" }

// join makes one object of segments, in the place of what was there.
func (s *Store) join(ctx context.Context, key, upload string, pieces []piece) error {
	old, err := s.uploadOf(ctx, key)
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(pieces)
	if err != nil {
		return fmt.Errorf("BUG: a manifest without a JSON form: %w", err)
	}
	err = s.insist(ctx, func() error {
		return s.call(ctx, swift.RequestOpts{
			Container: s.config.Container, ObjectName: key, Operation: http.MethodPut, Parameters: url.Values{"multipart-manifest": {"put"}},
			Headers: swift.Headers{"Content-Length": fmt.Sprint(len(manifest)), "Content-Type": contentType, uploadHeader: upload},
			Body:    bytes.NewReader(manifest), NoResponse: true,
		})
	})
	if err != nil || old == upload {
		return err
	}
	return s.deleteUpload(ctx, key, old)
}

// call is for what the library has no name for.
func (s *Store) call(ctx context.Context, request swift.RequestOpts) error {
	address, err := s.connection.GetStorageUrl(ctx)
	if err != nil {
		return err
	}
	request.OnReAuth = func() (string, error) { return s.connection.StorageUrl, nil }
	_, _, err = s.connection.Call(ctx, address, request)
	return err
}

// uploadOf is the name of the upload that an object's segments belong to; empty if there is no object or it has none.
func (s *Store) uploadOf(ctx context.Context, key string) (upload string, err error) {
	err = s.insist(ctx, func() error {
		_, headers, err := s.connection.Object(ctx, s.config.Container, key)
		if status(err) == http.StatusNotFound {
			return nil
		}
		upload = headers[uploadHeader]
		return err
	})
	return upload, err
}

// deleteUpload removes the segments of an upload; none is fine.
func (s *Store) deleteUpload(ctx context.Context, key, upload string) error {
	if upload == "" {
		return nil
	}
	return s.listed(ctx, s.segments(), uploadPrefix(key, upload), func(page []swift.Object) error {
		names := make([]string, 0, len(page))
		for _, each := range page {
			names = append(names, each.Name)
		}
		return s.deleteNames(ctx, s.segments(), names)
	})
}
