package backuprepo

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/novacron/novacron/internal/id"
)

func sample() *manifest {
	backup := id.Backup("bkp_01JD3M8Q7X2C4W9V6T5R1N0KZP")
	list := &manifest{header: header{
		Format: formatVersion, Backup: backup, Device: "vda", SizeBytes: 5*ChunkBytes + 512, ChunkBytes: ChunkBytes,
		Packs: []string{"packs/bkp_01JD3M8Q7X2C4W9V6T5R1N0KZQ/vda-A-000000", "packs/unused", packsPlace + string(backup) + "/vda-B-000000"},
	}}
	for n, index := range []uint32{5, 0, 3} {
		list.entries = append(list.entries, entry{index: index, pack: uint32(2 * (n % 2)), offset: uint32(8 + n*100), length: 100, hash: [32]byte{byte(n)}})
	}
	list.compact()
	return list
}

func TestManifestRoundTrip(t *testing.T) {
	list := sample()
	content, err := list.encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeManifest(content)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.entries) != 3 || again.Chunks != 3 || len(again.Packs) != 2 {
		t.Fatalf("decoded %+v", again)
	}
	for i := range list.entries {
		if again.entries[i] != list.entries[i] {
			t.Errorf("entry %d is %+v, was %+v", i, again.entries[i], list.entries[i])
		}
	}
	if owners := again.owners(); len(owners) != 1 || owners[0] != "bkp_01JD3M8Q7X2C4W9V6T5R1N0KZQ" {
		t.Errorf("owners %v", owners)
	}
}

// resign gives damaged content a hash of its own that fits, so that the inner checks are reached.
func resign(content []byte) []byte {
	body := bytes.Clone(content[:len(content)-sha256.Size])
	digest := sha256.Sum256(body)
	return append(body, digest[:]...)
}

func FuzzManifest(f *testing.F) {
	content, err := sample().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add(content[:40])
	f.Add([]byte(manifestMagic))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > sha256.Size {
			content = resign(content)
		}
		list, err := decodeManifest(content)
		if err != nil {
			return
		}
		for _, each := range list.entries {
			if int64(each.index) >= list.chunkCount() || int(each.pack) >= len(list.Packs) || int64(each.length) > list.chunkLength(each.index) {
				t.Fatalf("accepted entry %+v of %+v", each, list.header)
			}
		}
	})
}
