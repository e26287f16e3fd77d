// Package seal keeps secrets at rest: AES-256 in Galois/counter mode (NIST SP 800-38D) with a key from a file that only the
// server reads. What is sealed says which key sealed it, and is bound to a context, so that it opens nowhere else.
//
// The package never logs a secret and never puts one into an error.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/novacron/novacron/internal/fault"
)

const (
	keyBytes  = 32
	nameBytes = 8 // of a key: the beginning of its hash
	version   = 1 // of the form: version, name of the key, nonce, sealed text
)

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	name [nameBytes]byte
	aead cipher.AEAD
}

// New returns a box with a key of 32 bytes.
func New(key []byte) (*Box, error) {
	if len(key) != keyBytes {
		return nil, fault.Invalid("a sealing key has %d bytes, not %d", keyBytes, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.Internal("the sealing key cannot be used").Because(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fault.Internal("the sealing key cannot be used").Because(err)
	}
	box := &Box{aead: aead}
	sum := sha256.Sum256(append([]byte("novacron sealing key\x00"), key...))
	copy(box.name[:], sum[:])
	return box, nil
}

// Open returns a box with the key in a file, which it makes, readable by its owner only, if there is none.
func Open(path string) (*Box, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the sealing key %s cannot be read: %w", path, err)
	}
	box, err := New(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return box, nil
}

// create writes a new key whole or not at all, and lets whoever was first win.
func create(path string) ([]byte, error) {
	key := make([]byte, keyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(directory, ".seal-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(key)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, err
	}
	switch err := os.Link(file.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return os.ReadFile(path)
	case err != nil:
		return nil, err
	}
	return key, syncDirectory(directory)
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// Seal hides a secret; context is what it is for, such as "pool/pol_…", and must be said again to open it.
func (b *Box) Seal(context, secret string) []byte {
	nonce := make([]byte, b.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	sealed := append([]byte{version}, b.name[:]...)
	sealed = append(sealed, nonce...)
	return b.aead.Seal(sealed, nonce, []byte(secret), []byte(context))
}

// Unseal opens what Seal hid. The error is fault.Unavailable if another key sealed it, which its administrator can bring
// back, and fault.Invalid for anything else.
func (b *Box) Unseal(context string, sealed []byte) (string, error) {
	header := 1 + nameBytes + b.aead.NonceSize()
	if len(sealed) < header || sealed[0] != version {
		return "", fault.Invalid("what should be a sealed secret is none; give the secret again")
	}
	if [nameBytes]byte(sealed[1:1+nameBytes]) != b.name {
		return "", fault.Unavailable("the secret was sealed with another key than the server has: bring that key back, or give the secret again")
	}
	secret, err := b.aead.Open(nil, sealed[1+nameBytes:header], sealed[header:], []byte(context))
	if err != nil {
		return "", fault.Invalid("the sealed secret is damaged, or belongs to something else; give the secret again").Because(err)
	}
	return string(secret), nil
}
