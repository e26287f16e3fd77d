package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// MintTicket makes what lets its bearer have one thing from a host until then. The host and the control plane can make it, from
// the hash of the host's token, and nobody else.
func MintTicket(tokenHash []byte, thing string, until time.Time) string {
	end := strconv.FormatInt(until.Unix(), 10)
	return end + "." + hex.EncodeToString(seal(tokenHash, thing, end))
}

// CheckTicket reports whether a ticket is for that thing and has not run out.
func CheckTicket(tokenHash []byte, thing, ticket string, now time.Time) bool {
	end, sum, _ := strings.Cut(ticket, ".")
	given, err := hex.DecodeString(sum)
	if err != nil || !hmac.Equal(given, seal(tokenHash, thing, end)) {
		return false
	}
	until, err := strconv.ParseInt(end, 10, 64)
	return err == nil && now.Unix() < until
}

func seal(tokenHash []byte, thing, end string) []byte {
	sum := hmac.New(sha256.New, tokenHash)
	sum.Write([]byte("novacron ticket\x00" + thing + "\x00" + end))
	return sum.Sum(nil)
}
