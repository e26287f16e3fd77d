package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// config is everything novacron-worker can be told. Each field has a flag, whose default comes from the environment.
type config struct {
	name             string // the host's name in the inventory
	server           string // URL of the API
	enrolToken       string // one-time token for the first start; only from the environment, since arguments can be seen
	temporalAddress  string
	state            string // directory that survives restarts
	runtime          string // directory for sockets, emptied by a reboot
	libvirtURI       string
	acceleration     string
	migrationScheme  string
	migrationAddress netip.Addr
	extraPeers       []netip.Addr
	repository       string
	imageCache       int64 // GiB of copies of images that no disk stands on, in each pool
}

func fromEnvironment(name, otherwise string) string {
	if value, set := os.LookupEnv(name); set && value != "" {
		return value
	}
	return otherwise
}

func (c *config) parse(args []string) error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	var address, peers string
	flags := flag.NewFlagSet("novacron-worker", flag.ContinueOnError)
	text := func(into *string, name, variable, otherwise, usage string) {
		flags.StringVar(into, name, fromEnvironment(variable, otherwise), usage+" ($"+variable+")")
	}
	text(&c.name, "name", "NOVACRON_HOST_NAME", hostname, "the host's name")
	text(&c.server, "server", "NOVACRON_SERVER", "", "URL of NovaCron's API")
	text(&c.temporalAddress, "temporal-address", "NOVACRON_TEMPORAL_ADDRESS", "", "host:port of Temporal")
	text(&c.state, "state", "NOVACRON_STATE", "/var/lib/novacron", "directory for what must survive a reboot")
	text(&c.runtime, "runtime", "NOVACRON_RUNTIME", "/run/novacron", "directory for sockets")
	text(&c.libvirtURI, "libvirt-uri", "NOVACRON_LIBVIRT_URI", "qemu:///system", "libvirt daemon of this host")
	text(&c.acceleration, "acceleration", "NOVACRON_ACCELERATION", "kvm", "kvm, or tcg for software emulation")
	text(&c.migrationScheme, "migration-scheme", "NOVACRON_MIGRATION_SCHEME", "qemu+tls", "how libvirt daemons reach each other: qemu+tls or qemu+tcp")
	text(&address, "migration-address", "NOVACRON_MIGRATION_ADDRESS", "", "IP address at which other hosts reach this one")
	text(&peers, "extra-peers", "NOVACRON_EXTRA_PEERS", "", "tunnel end points besides the other hosts, separated by commas")
	text(&c.repository, "repository", "NOVACRON_REPOSITORY", "/srv/novacron/backups", "directory of the backup repository, the same on all hosts, unless the server says where that is")
	var cache string
	text(&cache, "image-cache", "NOVACRON_IMAGE_CACHE", "20", "GiB that each pool keeps of images which no disk stands on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.imageCache, err = strconv.ParseInt(cache, 10, 32); err != nil || c.imageCache < 0 {
		return fmt.Errorf("-image-cache: %q is not a number of GiB such as 20", cache)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag, and there are no commands", flags.Arg(0))
	}
	c.enrolToken = os.Getenv("NOVACRON_ENROL_TOKEN")
	return c.complete(address, peers)
}

// complete refuses what makes no sense, naming the flag.
func (c *config) complete(address, peers string) (err error) {
	if c.server == "" {
		return errors.New("-server: say where NovaCron's API is, or set NOVACRON_SERVER")
	}
	if parsed, err := url.Parse(c.server); err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return fmt.Errorf("-server: %q is not a URL such as http://10.77.0.1:8080", c.server)
	}
	if c.temporalAddress == "" {
		return errors.New("-temporal-address: say where Temporal is, or set NOVACRON_TEMPORAL_ADDRESS")
	}
	if _, _, err := net.SplitHostPort(c.temporalAddress); err != nil {
		return fmt.Errorf("-temporal-address: %w", err)
	}
	if c.acceleration != "kvm" && c.acceleration != "tcg" {
		return fmt.Errorf("-acceleration: %q is neither kvm nor tcg", c.acceleration)
	}
	if c.migrationScheme != "qemu+tls" && c.migrationScheme != "qemu+tcp" {
		return fmt.Errorf("-migration-scheme: %q is neither qemu+tls nor qemu+tcp", c.migrationScheme)
	}
	if c.migrationAddress, err = netip.ParseAddr(address); err != nil {
		return fmt.Errorf("-migration-address: %w", err)
	}
	if !c.migrationAddress.Is4() {
		return fmt.Errorf("-migration-address: %s is not an IPv4 address, and the tunnels between hosts need one", c.migrationAddress)
	}
	for _, each := range split(peers) {
		peer, err := netip.ParseAddr(each)
		if err != nil {
			return fmt.Errorf("-extra-peers: %w", err)
		}
		c.extraPeers = append(c.extraPeers, peer)
	}
	for name, path := range map[string]string{"-repository": c.repository, "-state": c.state, "-runtime": c.runtime} {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%s: %q is not an absolute path", name, path)
		}
	}
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
