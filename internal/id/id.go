package id

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// The kinds of identifier. Each is a string such as "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP".
type (
	Project         string
	User            string
	Token           string
	Host            string
	Pool            string
	Network         string
	Image           string
	Template        string
	TemplateVersion string
	VM              string
	Volume          string
	Snapshot        string
	Backup          string
	Schedule        string
	Operation       string
	CloudInit       string
)

// Typed is any of the kinds above.
type Typed interface {
	~string
	Prefix() string
}

func (Project) Prefix() string         { return "prj" }
func (User) Prefix() string            { return "usr" }
func (Token) Prefix() string           { return "tok" }
func (Host) Prefix() string            { return "hst" }
func (Pool) Prefix() string            { return "pol" }
func (Network) Prefix() string         { return "net" }
func (Image) Prefix() string           { return "img" }
func (Template) Prefix() string        { return "tpl" }
func (TemplateVersion) Prefix() string { return "tpv" }
func (VM) Prefix() string              { return "vm" }
func (Volume) Prefix() string          { return "vol" }
func (Snapshot) Prefix() string        { return "snp" }
func (Backup) Prefix() string          { return "bkp" }
func (Schedule) Prefix() string        { return "sch" }
func (Operation) Prefix() string       { return "op" }
func (CloudInit) Prefix() string       { return "cin" }

const (
	crockford  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	ulidLength = 26
)

// New mints an ID of kind T from the clock and 80 random bits. It panics only if the system has no randomness.
func New[T Typed]() T {
	var zero T
	return T(zero.Prefix() + "_" + ulid(time.Now()))
}

// Parse checks that text is an ID of kind T; the error is fault.Invalid.
func Parse[T Typed](text string) (T, error) {
	var zero T
	rest, found := strings.CutPrefix(text, zero.Prefix()+"_")
	if !found || len(rest) != ulidLength || strings.Trim(rest, crockford) != "" {
		return zero, fault.Invalid("%q is not an identifier: it should look like %s_ and %d letters and digits", text, zero.Prefix(), ulidLength)
	}
	return T(text), nil
}

// Is reports whether text has the form of an ID of kind T; names never do, since names are lower case.
func Is[T Typed](text string) bool {
	_, err := Parse[T](text)
	return err == nil
}

// ulid encodes 48 bits of milliseconds and 80 random bits as https://github.com/ulid/spec lays down.
func ulid(at time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(at.UnixMilli())<<16)
	if _, err := rand.Read(raw[6:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	high, low := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	var text [ulidLength]byte
	for i := ulidLength - 1; i >= 0; i-- {
		text[i] = crockford[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return string(text[:])
}
