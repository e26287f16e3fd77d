package pool

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Settings is what a driver needs to know, one of these; none of it is secret.
type Settings struct {
	Local *LocalSettings `json:"local,omitempty"`
	NetFS *NetFSSettings `json:"netfs,omitempty"`
	RBD   *RBDSettings   `json:"rbd,omitempty"`
}

// LocalSettings describes a directory.
type LocalSettings struct {
	Directory string `json:"directory" example:"/var/lib/novacron/pools/local" doc:"Absolute; made where it is missing"`
	Shared    bool   `json:"shared,omitempty" doc:"Every host has the same file system mounted there"`
}

// Protocol is how a network file system is reached.
type Protocol string

// The protocols.
const (
	NFS       Protocol = "nfs"
	CIFS      Protocol = "cifs"
	GlusterFS Protocol = "glusterfs"
	SSHFS     Protocol = "sshfs"
)

// NetFSSettings describes a network file system that every host mounts.
type NetFSSettings struct {
	Protocol Protocol `json:"protocol" enum:"nfs,cifs,glusterfs,sshfs"`
	Source   string   `json:"source" example:"nas:/export/vms" doc:"As mount takes it: server:/path, //server/share, server:/volume, user@server:/path"`
	At       string   `json:"at,omitempty" example:"/var/lib/novacron/mounts/nas" doc:"Where hosts mount it, the same on all; below /var/lib/novacron/mounts if left out"`
	Options  string   `json:"options,omitempty" example:"vers=4.2,hard" doc:"As mount -o takes them"`
	HostKey  string   `json:"host_key,omitempty" doc:"sshfs: the server's public key, as ssh-keyscan shows it without the server's name"`
}

// RBDSettings describes a pool of a Ceph cluster.
type RBDSettings struct {
	Monitors []string `json:"monitors" example:"[\"10.0.0.1:3300\"]" doc:"Addresses of the cluster's monitors"`
	Pool     string   `json:"pool" example:"vms" doc:"The pool's name in the cluster"`
	User     string   `json:"user" example:"novacron" doc:"Of cephx, without \"client.\""`
}

// Driver is the one that the settings are for; empty if they are for none, or for several.
func (s Settings) Driver() Driver {
	given := []Driver{}
	if s.Local != nil {
		given = append(given, Local)
	}
	if s.NetFS != nil {
		given = append(given, NetFS)
	}
	if s.RBD != nil {
		given = append(given, RBD)
	}
	if len(given) != 1 {
		return ""
	}
	return given[0]
}

// Shared reports whether every host sees the same volumes.
func (s Settings) Shared() bool { return s.Local == nil || s.Local.Shared }

// Keyed reports whether the driver needs a key.
func (s Settings) Keyed() bool {
	return s.RBD != nil || s.NetFS != nil && (s.NetFS.Protocol == SSHFS || s.NetFS.Protocol == CIFS)
}

// Check says whether a host could open such a pool; the error is fault.Invalid at the field in question.
func (s Settings) Check() error {
	switch s.Driver() {
	case Local:
		return checkDirectory(s.Local.Directory, "settings.local.directory")
	case NetFS:
		return s.NetFS.check()
	case RBD:
		return s.RBD.check()
	}
	return fault.Invalid("a pool has the settings of one driver: give either local, netfs or rbd").At("settings")
}

func checkDirectory(path, field string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		return fault.Invalid("a pool's directory is a clean absolute path such as /srv/pool, not %q", path).At(field)
	}
	return nil
}

// sources says what mount takes for each protocol.
var sources = map[Protocol]struct {
	pattern *regexp.Regexp
	example string
}{
	NFS:       {regexp.MustCompile(`^[^-\s/][^\s/]*:/\S*$`), "nas:/export/vms"},
	CIFS:      {regexp.MustCompile(`^//[^\s/]+/\S+$`), "//nas/vms"},
	GlusterFS: {regexp.MustCompile(`^[^-\s/][^\s/]*:/?[^\s/]\S*$`), "gluster1:/vms"},
	SSHFS:     {regexp.MustCompile(`^[^-\s@:/][^\s@:/]*@[^\s@/]+:/\S*$`), "novacron@nas:/srv/vms"},
}

func (s NetFSSettings) check() error {
	known, found := sources[s.Protocol]
	switch {
	case !found:
		return fault.Invalid("a network file system is reached by nfs, cifs, glusterfs or sshfs, not %q", s.Protocol).At("settings.netfs.protocol")
	case !known.pattern.MatchString(s.Source):
		return fault.Invalid("%q is not a source of %s, such as %s", s.Source, s.Protocol, known.example).At("settings.netfs.source")
	case strings.ContainsAny(s.Options, " \t\n"):
		return fault.Invalid("options are separated by commas and hold no spaces, not %q", s.Options).At("settings.netfs.options")
	case s.Protocol == SSHFS && !hostKeyPattern.MatchString(s.HostKey):
		return fault.Invalid("the server's public key is needed, such as \"ssh-ed25519 AAAA…\": ssh-keyscan -t ed25519 SERVER shows it").At("settings.netfs.host_key")
	case s.Protocol != SSHFS && s.HostKey != "":
		return fault.Invalid("only sshfs has a host key; leave it out").At("settings.netfs.host_key")
	}
	return checkDirectory(s.At, "settings.netfs.at")
}

var hostKeyPattern = regexp.MustCompile(`^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$`)

// Mounted is the settings with the place at which hosts mount the pool of that name, if none is given.
func (s Settings) Mounted(name string) Settings {
	if s.NetFS != nil && s.NetFS.At == "" {
		filled := *s.NetFS
		filled.At = "/var/lib/novacron/mounts/" + name
		s.NetFS = &filled
	}
	return s
}

func (s RBDSettings) check() error {
	switch {
	case len(s.Monitors) == 0:
		return fault.Invalid("the addresses of the cluster's monitors are needed, such as 10.0.0.1:3300").At("settings.rbd.monitors")
	case s.Pool == "" || strings.ContainsAny(s.Pool, "/@ "):
		return fault.Invalid("%q cannot be a pool of a Ceph cluster: give its name as `ceph osd pool ls` shows it", s.Pool).At("settings.rbd.pool")
	case s.User == "" || strings.HasPrefix(s.User, "client."):
		return fault.Invalid("%q is not a user of cephx: give the name without \"client.\"", s.User).At("settings.rbd.user")
	}
	for _, each := range s.Monitors {
		if host, port, err := net.SplitHostPort(each); err != nil || host == "" || port == "" {
			return fault.Invalid("%q is not the address of a monitor, such as 10.0.0.1:3300", each).At("settings.rbd.monitors")
		}
	}
	return nil
}

// CheckKey says whether text may be the key of such a pool; the error is fault.Invalid at field "key" and does not repeat it.
func (s Settings) CheckKey(text string) error {
	switch {
	case !s.Keyed() && text != "":
		return fault.Invalid("a pool of driver %s needs no key; leave it out", s.Driver()).At("key")
	case !s.Keyed():
		return nil
	case text == "":
		return fault.Invalid("a key is needed: %s", s.keyWords()).At("key")
	case s.NetFS != nil && s.NetFS.Protocol == SSHFS && !strings.HasPrefix(text, "-----BEGIN "):
		return fault.Invalid("that is not a private key of ssh; give it as ssh-keygen writes it, without a passphrase").At("key")
	case s.NetFS != nil && strings.ContainsAny(text, "\n\x00") && s.NetFS.Protocol == CIFS:
		return fault.Invalid("a password of CIFS is one line").At("key")
	case s.RBD == nil:
		return nil
	}
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return fault.Invalid("that is not a key of cephx, which is in base64: give it as `ceph auth print-key client.%s` shows it", s.RBD.User).At("key")
	}
	return nil
}

func (s Settings) keyWords() string {
	switch {
	case s.RBD != nil:
		return fmt.Sprintf("the user's, as `ceph auth print-key client.%s` shows it", s.RBD.User)
	case s.NetFS.Protocol == SSHFS:
		return "a private key of ssh, without a passphrase"
	}
	return "the password of the user that the options name (username=…)"
}

// Overlaps reports whether two pools would keep volumes in the same place.
func (s Settings) Overlaps(other Settings) bool {
	switch {
	case s.NetFS != nil && other.NetFS != nil && s.NetFS.Protocol == other.NetFS.Protocol && s.NetFS.Source == other.NetFS.Source:
		return true
	case s.directory() != "" && other.directory() != "":
		return within(s.directory(), other.directory()) || within(other.directory(), s.directory())
	case s.RBD != nil && other.RBD != nil:
		return s.RBD.Pool == other.RBD.Pool && slices.ContainsFunc(s.RBD.Monitors, func(address string) bool {
			return slices.Contains(other.RBD.Monitors, address)
		})
	}
	return false
}

// Stays reports whether volumes are found where they were after a change to other settings.
func (s Settings) Stays(other Settings) bool {
	switch {
	case s.Driver() != other.Driver() || s.Shared() != other.Shared():
		return false
	case s.RBD != nil:
		return s.RBD.Pool == other.RBD.Pool
	case s.NetFS != nil && s.NetFS.Protocol != other.NetFS.Protocol:
		return false
	}
	return s.directory() == other.directory()
}

// directory is where hosts see the volumes as files; empty if they do not.
func (s Settings) directory() string {
	switch {
	case s.Local != nil:
		return s.Local.Directory
	case s.NetFS != nil:
		return s.NetFS.At
	}
	return ""
}

func within(inner, outer string) bool { return strings.HasPrefix(inner+"/", outer+"/") }

// CheckTier says whether text is a tier; the error is fault.Invalid at field "tier".
func CheckTier(tier Tier) error {
	if tier != Hot && tier != Warm && tier != Cold {
		return fault.Invalid("a pool's tier is hot, warm or cold, not %q", tier).At("tier")
	}
	return nil
}

// mostOvercommit is where a slip is more likely than a wish.
const mostOvercommit = 100

// CheckOvercommit says whether a pool may promise so much; the error is fault.Invalid at field "overcommit".
func CheckOvercommit(ratio float64) error {
	if !(ratio >= 1 && ratio <= mostOvercommit) {
		return fault.Invalid("a pool promises 1 to %d bytes for each that it has, not %g", mostOvercommit, ratio).At("overcommit")
	}
	return nil
}

// Secret is the UUID by which hypervisors know a pool's key. It never changes, so that VMs that have it in their definition
// find it again.
func Secret(of id.Pool) string {
	sum := sha256.Sum256([]byte(of))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, variant 1: RFC 9562, section 5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
