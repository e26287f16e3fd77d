package objectstore

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// Place is where a store is, one of these; empty means that nobody said.
type Place struct {
	Directory string      `json:"directory,omitempty"` // absolute
	Swift     *SwiftPlace `json:"swift,omitempty"`
}

// SwiftPlace is a container of OpenStack Swift, with who asks for it.
type SwiftPlace struct {
	AuthURL   string `json:"auth_url"` // version 1, 2 or 3 of the protocol is told from it
	User      string `json:"user"`
	Key       string `json:"key"`              // never logged, never written to a disk but its administrator's
	Domain    string `json:"domain,omitempty"` // versions 2 and 3
	Tenant    string `json:"tenant,omitempty"` // versions 2 and 3
	Region    string `json:"region,omitempty"` // versions 2 and 3; empty is the first one
	Container string `json:"container"`
}

// Known reports whether somebody said where.
func (p Place) Known() bool { return p.Directory != "" || p.Swift != nil }

// Driver is the one that opens it; empty if nobody said where it is.
func (p Place) Driver() string {
	switch {
	case p.Swift != nil:
		return "swift"
	case p.Directory != "":
		return "dir"
	}
	return ""
}

// Check says whether a driver could open it; the error is fault.Invalid at the field in question.
func (p Place) Check() error {
	switch {
	case p.Swift != nil:
		return p.Swift.check()
	case !filepath.IsAbs(p.Directory) || filepath.Clean(p.Directory) != p.Directory || p.Directory == "/":
		return fault.Invalid("the object store's directory must be a clean absolute path, not %q", p.Directory).At("directory")
	}
	return nil
}

// segmentsSuffix ends the name of the container beside the first, in which the parts of large objects lie.
const segmentsSuffix = "_segments"

const containerMost = 256 // bytes of a container's name, Swift's limit

func (s SwiftPlace) check() error {
	address, err := url.Parse(s.AuthURL)
	switch {
	case err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https":
		return fault.Invalid("the address of Swift's authentication is a URL such as https://swift.example.org/auth/v1.0").At("auth_url")
	case s.User == "":
		return fault.Invalid("Swift asks for a user").At("user")
	case s.Key == "":
		return fault.Invalid("Swift asks for the user's key").At("key")
	case s.Container == "" || len(s.Container)+len(segmentsSuffix) > containerMost || strings.ContainsAny(s.Container, "/?#\x00"):
		return fault.Invalid("the name of a container has 1 to %d characters and no slash", containerMost-len(segmentsSuffix)).At("container")
	}
	return nil
}

// Segments is the container in which the parts of large objects lie.
func (s SwiftPlace) Segments() string { return s.Container + segmentsSuffix }

// Host is where Swift is, without what may be secret in a URL.
func (s SwiftPlace) Host() string {
	address, err := url.Parse(s.AuthURL)
	if err != nil {
		return "its address"
	}
	return address.Host
}

// String says where it is, and never how to get in.
func (p Place) String() string {
	switch {
	case p.Swift != nil:
		return fmt.Sprintf("container %s of Swift at %s, as %s", p.Swift.Container, p.Swift.Host(), p.Swift.User)
	case p.Directory != "":
		return p.Directory
	}
	return "nowhere"
}

// Same reports whether both are the same store, entered in the same way.
func (p Place) Same(other Place) bool {
	if p.Swift == nil || other.Swift == nil {
		return p.Swift == other.Swift && p.Directory == other.Directory
	}
	return *p.Swift == *other.Swift
}
