package volume

import (
	"net/url"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// RBD is where a hypervisor finds a volume in a Ceph cluster. What opens it is a secret that the hypervisor knows by the
// UUID given here; the secret itself is never part of a location.
type RBD struct {
	Monitors  []string // host:port
	Pool      string
	Namespace string // empty: the pool's default one
	Image     string
	User      string // of cephx, without "client."
	Secret    string // UUID
}

const rbdScheme = "rbd:"

// IsRBD reports whether a location is in a Ceph cluster; else it is the path of a file.
func IsRBD(location string) bool { return strings.HasPrefix(location, rbdScheme) }

// Location writes it as rbd:pool/namespace/image?monitor=host:port&user=name&secret=uuid; the namespace may be empty.
func (r RBD) Location() string {
	query := url.Values{"monitor": r.Monitors}
	if r.User != "" {
		query.Set("user", r.User)
	}
	if r.Secret != "" {
		query.Set("secret", r.Secret)
	}
	return rbdScheme + url.PathEscape(r.Pool) + "/" + url.PathEscape(r.Namespace) + "/" + url.PathEscape(r.Image) + "?" + query.Encode()
}

// ParseRBD reads a Location; the error is fault.Invalid.
func ParseRBD(location string) (RBD, error) {
	bad := fault.Invalid("%q is not the location of a volume in a Ceph cluster", location)
	path, query, _ := strings.Cut(strings.TrimPrefix(location, rbdScheme), "?")
	parts := strings.Split(path, "/")
	values, err := url.ParseQuery(query)
	if !IsRBD(location) || len(parts) != 3 || err != nil {
		return RBD{}, bad.Because(err)
	}
	for i := range parts {
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return RBD{}, bad.Because(err)
		}
	}
	found := RBD{
		Monitors: values["monitor"], Pool: parts[0], Namespace: parts[1], Image: parts[2], User: values.Get("user"), Secret: values.Get("secret"),
	}
	if found.Pool == "" || found.Image == "" || len(found.Monitors) == 0 {
		return RBD{}, bad
	}
	return found, nil
}
