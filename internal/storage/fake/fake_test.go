package fake_test

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storagetest.Subject {
		pool := fake.New(fake.Config{Name: "shared", Shared: true})
		return storagetest.Subject{Pool: pool, Peer: pool}
	})
}

func TestInjectedFaults(t *testing.T) {
	pool := fake.New(fake.Config{Name: "local"})
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "qcow2"}
	lost := fault.Unavailable("the answer was lost")
	var failBefore, failAfter string
	pool.Before = func(call, _ string) error {
		if call == failBefore {
			return lost
		}
		return nil
	}
	pool.After = func(call, subject string) error {
		if call == failAfter && subject == string(spec.Volume) {
			return lost
		}
		return nil
	}
	failBefore = "CreateVolume"
	if _, err := pool.CreateVolume(t.Context(), spec); err == nil || pool.Disk(spec.Volume) != nil {
		t.Fatalf("a call that failed before it began did something: %v", err)
	}
	failBefore, failAfter = "", "CreateVolume"
	if _, err := pool.CreateVolume(t.Context(), spec); err == nil || pool.Disk(spec.Volume) == nil {
		t.Fatalf("a call whose answer was lost did nothing: %v", err)
	}
	failAfter = ""
	pool.SetAvailable(false)
	if _, err := pool.CreateVolume(t.Context(), spec); !fault.Is(err, fault.KindUnavailable) || pool.Fact(t.Context()).Available {
		t.Fatalf("a pool that is away answered: %v", err)
	}
	pool.SetAvailable(true)
	if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
}

func TestFull(t *testing.T) {
	pool := fake.New(fake.Config{Name: "tiny", CapacityBytes: 1 << 20})
	image, _, fetch, _ := storagetest.Image(1 << 20)
	if err := pool.EnsureImage(t.Context(), image, fetch); err != nil || !pool.HasImage(image.Image) {
		t.Fatal(err)
	}
	_, err := pool.CreateVolume(t.Context(), storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "raw"})
	if !fault.Is(err, fault.KindExhausted) {
		t.Fatalf("a full pool: %v", err)
	}
}
