package pool

import (
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

func directory(path string) Settings { return Settings{Local: &LocalSettings{Directory: path}} }

func cluster(pool, user string, monitors ...string) Settings {
	return Settings{RBD: &RBDSettings{Monitors: monitors, Pool: pool, User: user}}
}

func network(protocol Protocol, source, hostKey, options string) Settings {
	return Settings{NetFS: &NetFSSettings{Protocol: protocol, Source: source, HostKey: hostKey, Options: options}}.Mounted("nas")
}

func TestSettings(t *testing.T) {
	both := directory("/a")
	both.RBD = &RBDSettings{}
	for _, c := range []struct {
		name  string
		of    Settings
		field string // empty: fine
	}{
		{"a directory", directory("/srv/pool"), ""},
		{"NFS", network(NFS, "nas:/export", "", "vers=4.2,hard"), ""},
		{"CIFS", network(CIFS, "//nas/share", "", "username=vm"), ""},
		{"GlusterFS", network(GlusterFS, "g1,g2:/volume", "", ""), ""},
		{"sshfs", network(SSHFS, "vm@nas:/srv", "ssh-ed25519 AAAA", ""), ""},
		{"a protocol that is none", network("ftp", "nas:/export", "", ""), "settings.netfs.protocol"},
		{"an option for a source", network(NFS, "-o,exec:/x", "", ""), "settings.netfs.source"},
		{"a share without its server", network(CIFS, "/share", "", ""), "settings.netfs.source"},
		{"sshfs without a user", network(SSHFS, "nas:/srv", "ssh-ed25519 AAAA", ""), "settings.netfs.source"},
		{"sshfs without a host key", network(SSHFS, "vm@nas:/srv", "", ""), "settings.netfs.host_key"},
		{"NFS with a host key", network(NFS, "nas:/srv", "ssh-ed25519 AAAA", ""), "settings.netfs.host_key"},
		{"options with a blank", network(NFS, "nas:/srv", "", "a b"), "settings.netfs.options"},
		{"an unclean place", Settings{NetFS: &NetFSSettings{Protocol: NFS, Source: "nas:/srv", At: "/a/../b"}}, "settings.netfs.at"},
		{"a cluster", cluster("vms", "novacron", "10.0.0.1:3300", "[fd00::1]:3300"), ""},
		{"nothing", Settings{}, "settings"},
		{"both", both, "settings"},
		{"no path", directory(""), "settings.local.directory"},
		{"a relative path", directory("srv"), "settings.local.directory"},
		{"an unclean path", directory("/srv/../etc"), "settings.local.directory"},
		{"the root", directory("/"), "settings.local.directory"},
		{"no monitor", cluster("vms", "novacron"), "settings.rbd.monitors"},
		{"a monitor without a port", cluster("vms", "novacron", "10.0.0.1"), "settings.rbd.monitors"},
		{"a port without a monitor", cluster("vms", "novacron", ":3300"), "settings.rbd.monitors"},
		{"a path for a pool", cluster("vms/x", "novacron", "m:1"), "settings.rbd.pool"},
		{"an entity for a user", cluster("vms", "client.novacron", "m:1"), "settings.rbd.user"},
	} {
		err := c.of.Check()
		if c.field == "" && err != nil || c.field != "" && fieldOf(err) != c.field {
			t.Errorf("%s: %v at %q, not %q", c.name, err, fieldOf(err), c.field)
		}
	}
	if !cluster("p", "u", "m:1").Shared() || directory("/a").Shared() || !(Settings{Local: &LocalSettings{Shared: true}}).Shared() {
		t.Error("what is shared is not told from what is not")
	}
	if Local.Format() != "qcow2" || RBD.Format() != "raw" {
		t.Error("the formats of volumes are mixed up")
	}
}

func fieldOf(err error) string {
	if ours, ok := err.(*fault.Error); ok && ours.Kind == fault.KindInvalid {
		return ours.Field
	}
	return ""
}

func TestKeys(t *testing.T) {
	keyed := cluster("vms", "novacron", "m:1")
	for _, c := range []struct {
		of   Settings
		key  string
		fine bool
	}{
		{network(SSHFS, "vm@nas:/srv", "", ""), "-----BEGIN OPENSSH PRIVATE KEY-----", true}, {network(SSHFS, "vm@nas:/srv", "", ""), "QVFE", false},
		{network(SSHFS, "vm@nas:/srv", "", ""), "", false}, {network(CIFS, "//nas/a", "", ""), "pass word", true}, {network(CIFS, "//nas/a", "", ""), "two\nlines", false},
		{network(CIFS, "//nas/a", "", ""), "", false}, {network(NFS, "nas:/a", "", ""), "", true}, {network(NFS, "nas:/a", "", ""), "x", false},
		{keyed, "QVFE", true}, {keyed, "", false}, {keyed, "not base64!", false}, {directory("/a"), "", true}, {directory("/a"), "QVFE", false},
	} {
		if err := c.of.CheckKey(c.key); (err == nil) != c.fine || !c.fine && fieldOf(err) != "key" {
			t.Errorf("key %q for %s: %v", c.key, c.of.Driver(), err)
		}
	}
}

func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		a, b Settings
		same bool
	}{
		{directory("/srv/a"), directory("/srv/a"), true},
		{directory("/srv/a"), directory("/srv/a/b"), true},
		{directory("/srv/a"), directory("/srv/ab"), false},
		{cluster("vms", "u", "a:1", "b:1"), cluster("vms", "v", "b:1"), true},
		{cluster("vms", "u", "a:1"), cluster("other", "u", "a:1"), false},
		{cluster("vms", "u", "a:1"), cluster("vms", "u", "b:1"), false},
		{cluster("vms", "u", "a:1"), directory("/vms"), false},
		{network(NFS, "nas:/a", "", ""), Settings{NetFS: &NetFSSettings{Protocol: NFS, Source: "nas:/a", At: "/elsewhere"}}, true},
		{network(NFS, "nas:/a", "", ""), Settings{NetFS: &NetFSSettings{Protocol: NFS, Source: "nas:/b", At: "/elsewhere"}}, false},
		{network(NFS, "nas:/a", "", ""), network(CIFS, "//nas/a", "", ""), true}, // both would be mounted in one place
		{network(NFS, "nas:/a", "", ""), directory("/var/lib/novacron/mounts/nas/x"), true},
	} {
		if c.a.Overlaps(c.b) != c.same || c.b.Overlaps(c.a) != c.same {
			t.Errorf("%+v and %+v: not %t", c.a, c.b, c.same)
		}
	}
}

func TestWhatMayChangeOfAPool(t *testing.T) {
	shared := directory("/a")
	shared.Local.Shared = true
	for _, c := range []struct {
		before, after Settings
		stays         bool
	}{
		{directory("/a"), directory("/a"), true}, {directory("/a"), directory("/b"), false}, {directory("/a"), shared, false},
		{cluster("vms", "u", "a:1"), cluster("vms", "v", "b:1"), true}, {cluster("vms", "u", "a:1"), cluster("other", "u", "a:1"), false},
		{network(NFS, "nas:/a", "", ""), network(NFS, "nas2:/a", "", "hard"), true}, {network(NFS, "nas:/a", "", ""), network(GlusterFS, "nas:/a", "", ""), false},
		{network(NFS, "nas:/a", "", ""), shared, false},
	} {
		if c.before.Stays(c.after) != c.stays {
			t.Errorf("%+v to %+v: not %t", c.before, c.after, c.stays)
		}
	}
}

func TestTiersAndOvercommit(t *testing.T) {
	if CheckTier(Warm) != nil || fieldOf(CheckTier("tepid")) != "tier" {
		t.Error("tiers are not checked")
	}
	for ratio, fine := range map[float64]bool{1: true, DefaultOvercommit: true, 0.5: false, 101: false, math.NaN(): false, math.Inf(1): false} {
		if err := CheckOvercommit(ratio); (err == nil) != fine {
			t.Errorf("%g: %v", ratio, err)
		}
	}
}

func TestSecretsAreUUIDsThatStay(t *testing.T) {
	one, other := id.New[id.Pool](), id.New[id.Pool]()
	if again := Secret(one); again != Secret(one) || again == Secret(other) {
		t.Error("a pool's secret is not its own")
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(Secret(one)) {
		t.Errorf("%s is no UUID", Secret(one))
	}
}

func TestWhatHostsSay(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	said := func(name string, available bool, capacity, used int64, ago time.Duration) Reach {
		return Reach{HostName: name, Available: available, CapacityBytes: capacity, UsedBytes: used, At: at.Add(-ago)}
	}
	for _, c := range []struct {
		name           string
		shared         bool
		said           []Reach
		health         Health
		capacity, used int64
	}{
		{"nothing", false, nil, Unknown, 0, 0},
		{"all well", false, []Reach{said("b", true, 10, 4, 0), said("a", true, 20, 1, 0)}, Healthy, 30, 5},
		{"one away", false, []Reach{said("a", false, 0, 0, 0), said("b", true, 10, 4, 0)}, Degraded, 10, 4},
		{"all away", true, []Reach{said("a", false, 9, 9, 0)}, Unreachable, 0, 0},
		{"shared: the newest word", true, []Reach{said("a", true, 10, 1, time.Minute), said("b", true, 10, 2, 0)}, Healthy, 10, 2},
	} {
		got := Pool{Shared: c.shared}.Observed(c.said)
		if got.Health != c.health || got.CapacityBytes != c.capacity || got.UsedBytes != c.used {
			t.Errorf("%s: %s, %d of %d", c.name, got.Health, got.UsedBytes, got.CapacityBytes)
		}
	}
	one := id.New[id.Host]()
	if !(Pool{}).Has(one) || !(Pool{Only: []id.Host{one}}).Has(one) || (Pool{Only: []id.Host{id.New[id.Host]()}}).Has(one) {
		t.Error("who has a pool is mixed up")
	}
}
