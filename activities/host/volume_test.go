package host_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

type onePool struct{ pool storage.Pool }

func (p onePool) Pool(string) (storage.Pool, error) { return p.pool, nil }
func (onePool) Renew(string)                        {}

// source counts how often it is asked.
type source struct {
	content []byte
	err     error
	asked   atomic.Int64
}

func (s *source) open(_ context.Context, _ storage.BaseImage, offset int64) (io.ReadCloser, error) {
	s.asked.Add(1)
	if s.err != nil {
		return nil, s.err
	}
	return io.NopCloser(bytes.NewReader(s.content[offset:])), nil
}

const hostID id.Host = "hst_1"

func fetching(pool storage.Pool, peers, store *source) *host.Activities {
	return &host.Activities{Host: hostID, Pools: onePool{pool}, Images: store.open, PeerImages: peers.open}
}

func fetch(t *testing.T, acts *host.Activities, base storage.BaseImage) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	environment := suite.NewTestActivityEnvironment()
	environment.RegisterActivity(acts)
	_, err := environment.ExecuteActivity(acts.FetchImage, host.ImageRequest{On: host.On{Host: hostID}, Pool: "local", Image: base})
	return err
}

// TestTenAtOnceFetchAnImageOnce is ten VMs that are made from one new image on one host.
func TestTenAtOnceFetchAnImageOnce(t *testing.T) {
	base, content, _, _ := storagetest.Image(1 << 20)
	peers, store := &source{err: fault.NotFound("no host has it")}, &source{content: content}
	acts := fetching(storagefake.New(storagefake.Config{Name: "local"}), peers, store)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if err := fetch(t, acts, base); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if store.asked.Load() != 1 || peers.asked.Load() != 1 {
		t.Errorf("the store was asked %d times, peers %d times", store.asked.Load(), peers.asked.Load())
	}
}

func TestImagesComeFromPeersBeforeTheStore(t *testing.T) {
	base, content, _, _ := storagetest.Image(1 << 20)
	damaged := bytes.Clone(content)
	damaged[700]++
	for name, each := range map[string]struct {
		peers *source
		store int64 // how often it is asked
	}{
		"a peer has it":                     {&source{content: content}, 0},
		"none has it":                       {&source{err: fault.NotFound("no host has it")}, 1},
		"the control plane does not say":    {&source{err: fault.Unavailable("away")}, 1},
		"a peer's copy breaks off":          {&source{content: content[:1<<19]}, 1},
		"a peer's copy is not what it says": {&source{content: damaged}, 1},
	} {
		store := &source{content: content}
		pool := storagefake.New(storagefake.Config{Name: "local"})
		if err := fetch(t, fetching(pool, each.peers, store), base); err != nil || store.asked.Load() != each.store {
			t.Errorf("%s: the store was asked %d times, %v", name, store.asked.Load(), err)
			continue
		}
		opened, err := pool.OpenImage(t.Context(), base, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(opened); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: it is not the image, %v", name, err)
		}
	}
}

func TestAnImageThatNobodyHas(t *testing.T) {
	base, _, _, _ := storagetest.Image(1 << 20)
	peers, store := &source{err: fault.NotFound("no host has it")}, &source{err: fault.Unavailable("the store is away")}
	err := fetch(t, fetching(storagefake.New(storagefake.Config{Name: "local"}), peers, store), base)
	if err == nil || !strings.Contains(err.Error(), "the store is away") {
		t.Errorf("it fails with %v", err)
	}
}

// TestAnExportThatIsGoneIsNotWaitedFor is a VM that goes off while it is cloned.
func TestAnExportThatIsGoneIsNotWaitedFor(t *testing.T) {
	pool := storagefake.New(storagefake.Config{Name: "local"})
	disk := id.New[id.Volume]()
	if _, err := pool.CreateVolume(t.Context(), storage.VolumeSpec{Volume: disk, SizeBytes: 1 << 20, Format: "raw"}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	offers := host.NewOffers(t.TempDir(), address, onePool{pool}, slog.New(slog.DiscardHandler))
	go func() {
		if err := offers.Serve(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	ticket := strings.Repeat("0a", 32)
	if err := offers.Put(host.Offer{Ticket: ticket, From: host.Source{Online: true, Socket: "/nowhere/nbd.sock"}}); err != nil {
		t.Fatal(err)
	}
	acts := &host.Activities{Host: hostID, Pools: onePool{pool}, Offers: offers}
	var suite testsuite.WorkflowTestSuite
	environment := suite.NewTestActivityEnvironment()
	environment.RegisterActivity(acts)
	for range 100 { // until it listens
		_, err = environment.ExecuteActivity(acts.CopyVolume, host.CopyRequest{On: host.On{Host: hostID}, Pool: "local", Volume: disk, From: address, Ticket: ticket})
		if err == nil || !strings.Contains(err.Error(), "does not answer") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err == nil || !strings.Contains(err.Error(), "went off while its disks were copied") {
		t.Errorf("got %v", err)
	}
}
