package netfs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/pool"
)

func TestTheLastMountCounts(t *testing.T) {
	const listed = `22 1 0:21 / /proc rw,nosuid - proc proc rw
30 1 0:50 / /srv/nas rw shared:5 - nfs4 nas:/old rw,vers=4.2
31 1 0:51 / /srv/nas rw - fuse.sshfs root@nas:/new rw
32 1 0:52 / /srv/with\040blank rw - cifs //nas/my\040share rw
33 garbage
`
	for place, want := range map[string]string{
		"/srv/nas": "fuse.sshfs root@nas:/new", "/srv/with blank": "cifs //nas/my share", "/proc": "proc proc", "/srv": "",
	} {
		kind, source, found := lastMount(listed, place)
		if got := strings.TrimSpace(kind + " " + source); got != want || found != (want != "") {
			t.Errorf("%s: %q", place, got)
		}
	}
}

// at is a pool that nothing has mounted yet.
func at(t *testing.T, settings pool.NetFSSettings, key string) *Pool {
	t.Helper()
	directory := t.TempDir()
	settings.At = filepath.Join(directory, "mount")
	t.Cleanup(func() { setImmutable(settings.At, false) })
	return &Pool{config: Config{Name: "nas", Key: key, Settings: settings, RuntimeDir: directory}, probes: make(chan struct{}, 1)}
}

func TestCommandsCarryNoKeys(t *testing.T) {
	const key = "geheim"
	for _, c := range []struct {
		settings pool.NetFSSettings
		program  string
		options  string
	}{
		{pool.NetFSSettings{Protocol: pool.NFS, Source: "nas:/vms", Options: "vers=4.2,hard"}, "mount", "vers=4.2,hard"},
		{pool.NetFSSettings{Protocol: pool.GlusterFS, Source: "nas:/vms"}, "mount", ""},
		{pool.NetFSSettings{Protocol: pool.CIFS, Source: "//nas/vms", Options: "username=vm"}, "mount.cifs", "cache=none,serverino,username=vm"},
		{pool.NetFSSettings{Protocol: pool.SSHFS, Source: "vm@nas:/vms", HostKey: "ssh-ed25519 AAAA", Options: "port=2022"}, "sshfs", ",port=2022"},
	} {
		p := at(t, c.settings, key)
		command, err := p.command(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Join(command.Args, " ")
		if filepath.Base(command.Args[0]) != c.program || strings.Contains(words, key) || !strings.Contains(words, c.settings.Source+" "+p.config.Settings.At) && !strings.HasSuffix(words, p.config.Settings.At) {
			t.Errorf("%s: %s", c.settings.Protocol, words)
		}
		if !strings.Contains(words, c.options) || strings.HasSuffix(words, ",") {
			t.Errorf("%s: options %q are not in %s", c.settings.Protocol, c.options, words)
		}
		if inEnvironment := slices.Contains(command.Env, "PASSWD="+key); inEnvironment != (c.settings.Protocol == pool.CIFS) {
			t.Errorf("%s: the key is in its environment: %t", c.settings.Protocol, inEnvironment)
		}
		if c.settings.Protocol != pool.SSHFS {
			continue
		}
		if info, err := os.Stat(p.keyPath()); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("who can read the key: %v, %v", info, err)
		}
	}
}

func TestMountingThatFailsSaysWhy(t *testing.T) {
	programs := t.TempDir()
	t.Setenv("PATH", programs)
	p := at(t, pool.NetFSSettings{Protocol: pool.NFS, Source: "nas:/vms"}, "")
	if err := p.ensure(t.Context()); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), "has no mount") {
		t.Errorf("without the program: %v", err)
	}
	for script, want := range map[string]string{
		"echo one; echo two >&2; echo mount.nfs: access denied >&2; exit 32": "two; mount.nfs: access denied",
		"exit 32": "exit status 32",
		"exit 0":  "is not there",
	} {
		if err := os.WriteFile(filepath.Join(programs, "mount"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := p.ensure(t.Context()); !fault.Is(err, fault.KindUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", script, err)
		}
	}
}

func TestAPoolWithoutItsMount(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	wanted := at(t, pool.NetFSSettings{Protocol: pool.NFS, Source: "nas:/vms"}, "").config
	wanted.Memory = filepath.Join(wanted.RuntimeDir, "seen")
	p, err := New(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	if fact := p.Fact(t.Context()); fact.Available || fact.Driver != "netfs" || !fact.Shared || !strings.Contains(fact.Detail, "install its package") {
		t.Errorf("fact: %+v", fact)
	}
	if _, err := p.ListVolumes(t.Context()); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("volumes of a pool that is not there: %v", err)
	}
	p.Forget()
	if _, err := os.Lstat(wanted.Settings.At); !os.IsNotExist(err) {
		t.Errorf("the place is left: %v", err)
	}
	wanted.Settings.At = "/proc"
	if _, err := (&Pool{config: wanted}).inPlace(); !fault.Is(err, fault.KindConflict) {
		t.Errorf("something else in its place: %v", err)
	}
	if _, err := New(t.Context(), Config{Name: "nas", Settings: pool.NetFSSettings{At: "relative"}}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a bad place: %v", err)
	}
}
