package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// The prefixes tell what a token is for, to people and to scanners of leaked secrets.
const (
	UserPrefix      = "nct_" // a person's or program's token
	HostPrefix      = "nch_" // a host's own token
	EnrolmentPrefix = "nce_" // lets one new host in, once
)

const (
	secretBytes = 32 // 256 bits
	HashLength  = sha256.Size
)

// lower-case base32 without padding: 52 characters that survive any shell, URL and terminal.
var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// MintToken makes a new secret and the hash to keep. The secret is shown once and kept nowhere.
func MintToken(prefix string) (secret string, hash []byte) {
	raw := make([]byte, secretBytes)
	if _, err := rand.Read(raw); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	secret = prefix + tokenEncoding.EncodeToString(raw)
	return secret, HashToken(secret)
}

// HashToken returns SHA-256 of the secret. No salt and no stretching: the secret has 256 random bits, so its hash can
// neither be guessed nor looked up, and comparing hashes gives nothing away about secrets.
func HashToken(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// LooksLike reports whether text has the form of a token with that prefix, so that nonsense never reaches the database.
func LooksLike(prefix, text string) bool {
	rest, found := strings.CutPrefix(text, prefix)
	return found && len(rest) == tokenEncoding.EncodedLen(secretBytes) && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
