package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/novacron/novacron/internal/fault"
)

// The cost of one guess: 19 MiB, two passes, one lane, the first choice of OWASP's Password Storage Cheat Sheet.
const (
	argonMemoryKiB = 19 * 1024
	argonPasses    = 2
	argonLanes     = 1
	saltBytes      = 16
	keyBytes       = 32
)

// MinPasswordLength and MaxPasswordLength are in bytes; the upper limit keeps a request from costing more than a guess.
const (
	MinPasswordLength = 10
	MaxPasswordLength = 256
)

// at most two hashes at a time, so that a flood of logins cannot take more than 38 MiB.
var hashing = make(chan struct{}, 2)

// CheckPassword says whether text may be a password; the error is fault.Invalid at "password".
func CheckPassword(text string) error {
	if len(text) < MinPasswordLength || len(text) > MaxPasswordLength {
		return fault.Invalid("a password has %d to %d characters; choose another one", MinPasswordLength, MaxPasswordLength).At("password")
	}
	return nil
}

// HashPassword returns the password's argon2id hash in the PHC string format
// (https://github.com/P-H-C/phc-string-format), which carries its own salt and cost.
func HashPassword(password string) string {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	key := derive(password, salt, argonPasses, argonMemoryKiB, argonLanes, keyBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemoryKiB, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// absentHash costs a guess at an account that does not exist as much as one at an account that does.
var absentHash = HashPassword("no account has this password")

// VerifyPassword reports whether password belongs to encoded. An empty encoded stands for an account that does not exist:
// the answer is false, after the same work.
func VerifyPassword(encoded, password string) bool {
	exists := encoded != ""
	if !exists {
		encoded = absentHash
	}
	salt, key, cost, err := decodeHash(encoded)
	if err != nil || len(password) > MaxPasswordLength {
		return false
	}
	derived := derive(password, salt, cost.passes, cost.memoryKiB, cost.lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(derived, key) == 1 && exists
}

func derive(password string, salt []byte, passes, memoryKiB uint32, lanes uint8, length uint32) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, passes, memoryKiB, lanes, length)
}

type hashCost struct {
	memoryKiB, passes uint32
	lanes             uint8
}

func decodeHash(encoded string) (salt, key []byte, cost hashCost, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return nil, nil, cost, fault.Internal("a stored password hash is not argon2id")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return nil, nil, cost, fault.Internal("a stored password hash is of another argon2 version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &cost.memoryKiB, &cost.passes, &cost.lanes); err != nil {
		return nil, nil, cost, fault.Internal("a stored password hash has no cost").Because(err)
	}
	if cost.memoryKiB == 0 || cost.memoryKiB > 1<<20 || cost.passes == 0 || cost.passes > 100 || cost.lanes == 0 {
		return nil, nil, cost, fault.Internal("a stored password hash has an absurd cost")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return nil, nil, cost, fault.Internal("a stored password hash has a broken salt").Because(err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(key) < 16 {
		return nil, nil, cost, fault.Internal("a stored password hash has a broken key").Because(err)
	}
	return salt, key, cost, nil
}
