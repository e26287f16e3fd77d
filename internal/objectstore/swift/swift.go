package swift

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/ncw/swift/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// Config says where the container is, who asks for it and how.
type Config struct {
	objectstore.SwiftPlace

	SegmentBytes int64         // objects above it are cut into segments of at least this size; 0 means 8 MiB
	Patience     time.Duration // how long passing failures are waited for; 0 means 30 s
}

const (
	defaultSegment  = 8 << 20
	defaultPatience = 30 * time.Second
	maxSegments     = 1000 // of a manifest, Swift's default: max_manifest_segments in proxy-server.conf
	maxObject       = 64 << 30
)

// Store is a container. It is safe for concurrent use.
type Store struct {
	config     Config
	connection *swift.Connection
}

var (
	_ objectstore.Store       = (*Store)(nil)
	_ objectstore.BulkDeleter = (*Store)(nil)
	_ objectstore.Clearer     = (*Store)(nil)
	_ objectstore.Lagging     = (*Store)(nil)
)

// New returns the store without asking anybody; the error is fault.Invalid at the field in question.
func New(config Config) (*Store, error) {
	if err := (objectstore.Place{Swift: &config.SwiftPlace}).Check(); err != nil {
		return nil, err
	}
	if config.SegmentBytes < 0 || config.Patience < 0 {
		return nil, fault.Invalid("the size of segments and the patience are not negative").At("segment_bytes")
	}
	if config.SegmentBytes == 0 {
		config.SegmentBytes = defaultSegment
	}
	if config.Patience == 0 {
		config.Patience = defaultPatience
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 2 * uploadsAtOnce, IdleConnTimeout: time.Minute,
		ExpectContinueTimeout: time.Second,
	}
	return &Store{config: config, connection: &swift.Connection{
		AuthUrl: config.AuthURL, UserName: config.User, ApiKey: config.Key, Domain: config.Domain, Tenant: config.Tenant,
		Region: config.Region, Transport: transport, UserAgent: "novacron", Retries: 1,
	}}, nil
}

// Init makes the container and its companion for segments, or finds them.
func (s *Store) Init(ctx context.Context) error {
	for _, container := range []string{s.config.Container, s.segments()} {
		err := s.insist(ctx, func() error { return s.connection.ContainerCreate(ctx, container, nil) })
		if err != nil {
			return s.explain(ctx, "", err)
		}
	}
	return nil
}

func (s *Store) segments() string { return s.config.Segments() }

// Pauses between repetitions grow from the first to the last of these, half of each by chance, so that many who were
// refused at once do not come back at once.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// insist repeats what fails for a passing reason until it succeeds or the patience is at its end.
func (s *Store) insist(ctx context.Context, try func() error) error {
	deadline := time.Now().Add(s.config.Patience)
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		err := try()
		if err == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
		wait := wait/2 + time.Duration(rand.Int64N(int64(wait/2))) //nolint:gosec // not a secret
		if time.Now().Add(wait).After(deadline) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passing reports whether the same request may succeed in a moment: what never reached a server, what a server failed at or
// had no time for, and content that was damaged on the way.
func passing(err error) bool {
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return false
	}
	answer, ok := errors.AsType[*swift.Error](err)
	if !ok || answer.StatusCode == 0 {
		return true
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusUnprocessableEntity, statusRateLimited:
		return true
	}
	return answer.StatusCode >= http.StatusInternalServerError && answer.StatusCode != http.StatusInsufficientStorage
}

const statusRateLimited = 498 // of Swift's ratelimit

func status(err error) int {
	if answer, ok := errors.AsType[*swift.Error](err); ok {
		return answer.StatusCode
	}
	return 0
}

// explain turns a failure into a fault. key is empty for what is about the container.
func (s *Store) explain(ctx context.Context, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if ours, ok := errors.AsType[*fault.Error](err); ok {
		return ours
	}
	switch status(err) {
	case http.StatusNotFound:
		if key != "" && !errors.Is(err, swift.ContainerNotFound) {
			return fault.NotFound("there is no object %q", key).Because(err)
		}
		return fault.Unavailable("Swift has no container %q: it was deleted, or it was never set up; set it up again", s.config.Container).Because(err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.Denied("Swift refuses user %q access to container %q: correct the credentials or what they may do", s.config.User, s.config.Container).Because(err)
	case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return fault.Exhausted("Swift has no room for more in container %q: delete objects or raise the quota", s.config.Container).Because(err)
	}
	return fault.Unavailable("Swift at %s does not do its work: see whether it is up, then try again", s.config.Host()).Because(err)
}

func (s *Store) check(ctx context.Context, key string) error {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	return ctx.Err()
}
