package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

func TestWhatIsSealedOpensOnlyWhereItBelongs(t *testing.T) {
	box, err := New(bytes.Repeat([]byte{7}, keyBytes))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "a key of cephx"
	sealed := box.Seal("pool/a", secret)
	if bytes.Contains(sealed, []byte(secret)) {
		t.Fatal("the secret can be read")
	}
	if bytes.Equal(sealed, box.Seal("pool/a", secret)) {
		t.Error("the same secret is sealed alike twice")
	}
	if opened, err := box.Unseal("pool/a", sealed); err != nil || opened != secret {
		t.Fatalf("%q, %v", opened, err)
	}
	if _, err := box.Unseal("pool/b", sealed); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("opened for another: %v", err)
	}
	for at := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[at] ^= 1
		if _, err := box.Unseal("pool/a", damaged); err == nil {
			t.Errorf("byte %d may be changed", at)
		}
	}
	if _, err := box.Unseal("pool/a", sealed[:5]); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("cut off: %v", err)
	}
	other, err := New(bytes.Repeat([]byte{8}, keyBytes))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unseal("pool/a", sealed); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("another key: %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "seal.key")
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := again.Unseal("x", first.Seal("x", "s")); err != nil || opened != "s" {
		t.Errorf("the key is not the same at the next start: %q, %v", opened, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left beside the key: %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("who can read the key: %v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a key that is none is taken")
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory is taken for a key")
	}
}
