package backuprepo_test

import (
	"context"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

func flip(content []byte) []byte {
	content[len(content)/2] ^= 4
	return content
}

func firstPack(t *testing.T, store *fake.Store, of string) string {
	t.Helper()
	for _, key := range store.Keys() {
		if strings.HasPrefix(key, "packs/"+of) {
			return key
		}
	}
	t.Fatal("there is no pack")
	return ""
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	harm := map[string]struct {
		what   string
		change func([]byte) []byte
	}{
		"a flipped bit":           {"pack", flip},
		"a pack cut short":        {"pack", func(content []byte) []byte { return content[:len(content)/2] }},
		"a pack cut to nothing":   {"pack", func([]byte) []byte { return []byte{} }},
		"a missing pack":          {"pack", func([]byte) []byte { return nil }},
		"a flipped manifest":      {"manifest", flip},
		"a manifest cut short":    {"manifest", func(content []byte) []byte { return content[:20] }},
		"a missing manifest":      {"manifest", func([]byte) []byte { return nil }},
		"another disk's manifest": {"manifest", func([]byte) []byte { return []byte("NVCMANI1") }},
	}
	for name, c := range harm {
		t.Run(name, func(t *testing.T) {
			store, repository := fresh(t)
			source := newDisk(8 * mib)
			put(t, source, noise(1, 4*mib), 2*mib)
			backup, result := write(t, repository, source, nil)
			key := result.Manifest.Key
			if c.what == "pack" {
				key = firstPack(t, store, string(backup))
			}
			store.Damage(key, c.change)
			report, verifyErr := repository.Verify(t.Context(), result.Manifest, func(int64, int64) {})
			restoreErr := repository.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: result.Manifest, Sink: newDisk(8 * mib)})
			for doing, err := range map[string]error{"verify": verifyErr, "restore": restoreErr} {
				damage, found := backuprepo.DamageOf(err)
				if !found || !fault.Is(err, fault.KindConflict) || damage.Object != key || damage.Backup != backup || damage.Device != "vda" || damage.Reason == "" {
					t.Fatalf("%s: %v, %+v", doing, err, damage)
				}
				if !strings.Contains(err.Error(), string(backup)) || !strings.Contains(err.Error(), "take a new full one") {
					t.Errorf("%s says %q", doing, err)
				}
				if (damage.Offset >= 0) != (c.what == "pack") || damage.Offset > 0 && damage.Offset < 2*mib {
					t.Errorf("%s places it at %d", doing, damage.Offset)
				}
			}
			if len(report.Damages) == 0 || report.Damages[0].Object != key || c.what == "pack" && report.DamagedChunks == 0 {
				t.Errorf("report %+v", report)
			}
			checkNothingLeft(t, store, repository, backup)
		})
	}
}

func TestVerifyCountsDamage(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(8 * mib)
	put(t, source, noise(1, 4*mib), 0)
	backup, result := write(t, repository, source, nil)
	store.Damage(firstPack(t, store, string(backup)), flip)
	report, err := repository.Verify(t.Context(), result.Manifest, nil)
	if report.Chunks != 64 || report.Bytes != 4*mib || report.DamagedChunks != 1 || len(report.Damages) != 1 || err == nil {
		t.Errorf("report %+v, %v", report, err)
	}
}

func TestDamagedParentIsNotBuiltUpon(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(8 * mib)
	put(t, source, noise(1, 4*mib), 0)
	backup, result := write(t, repository, source, nil)
	source.Track("since")
	put(t, source, []byte("new"), 0)
	source.since = "since"
	store.Damage(firstPack(t, store, string(backup)), func(content []byte) []byte { return content[:len(content)-1] })
	request := backuprepo.WriteRequest{Backup: "bkp_01JD3M8Q7X2C4W9V6T5R1N0KZP", Device: "vda", Source: source, Parent: &result.Manifest}
	if _, err := repository.WriteDisk(t.Context(), request); !fault.Is(err, fault.KindConflict) {
		t.Fatalf("an incremental backup of a damaged one: %v", err)
	} else if damage, found := backuprepo.DamageOf(err); !found || damage.Backup != backup {
		t.Errorf("the damage is %+v", damage)
	}
	// Read in full, the parent only saves storing again, and what it has lost is stored anew.
	source.since = ""
	again, err := repository.WriteDisk(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	wantRestored(t, repository, again.Manifest, content(t, source))
	checkNothingLeft(t, store, repository, backup, request.Backup)
}

func TestDamageThatWasFoundIsNotBuiltUpon(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(8 * mib)
	put(t, source, noise(1, 4*mib), 0)
	full, fullResult := write(t, repository, source, nil)
	source.Track("since")
	put(t, source, []byte("new"), 0)
	source.since = "since"
	next, nextResult := write(t, repository, source, &fullResult.Manifest)
	// One of two backups that share a pack is verified; the other one is not known to be damaged.
	store.Damage(firstPack(t, store, string(full)), flip)
	if _, err := repository.Verify(t.Context(), fullResult.Manifest, nil); err == nil {
		t.Fatal("the damage was not found")
	}
	request := backuprepo.WriteRequest{Backup: "bkp_01JD3M8Q7X2C4W9V6T5R1N0KZP", Device: "vda", Source: source, Parent: &nextResult.Manifest}
	_, err := repository.WriteDisk(t.Context(), request)
	if damage, found := backuprepo.DamageOf(err); !found || damage.Backup != next {
		t.Fatalf("an incremental backup that relies on a damaged pack: %v", err)
	}
	source.since = ""
	again, err := repository.WriteDisk(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	wantRestored(t, repository, again.Manifest, content(t, source))
	checkNothingLeft(t, store, repository, full, next, request.Backup)
}

func TestDamagedOwnManifestIsWrittenAgain(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(mib)
	put(t, source, noise(1, mib), 0)
	backup, result := write(t, repository, source, nil)
	for _, key := range []string{result.Manifest.Key, firstPack(t, store, string(backup))} {
		store.Damage(key, func([]byte) []byte { return nil })
		again, err := repository.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: source})
		if err != nil {
			t.Fatal(err)
		}
		wantRestored(t, repository, again.Manifest, content(t, source))
		checkNoStrays(t, store, backup)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := repository.ReadDisk(ctx, backuprepo.ReadRequest{Manifest: result.Manifest, Sink: newDisk(mib)}); err == nil {
		t.Error("a restore went on after its context ended")
	}
}
