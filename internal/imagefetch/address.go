package imagefetch

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"syscall"

	"github.com/novacron/novacron/internal/fault"
)

// CheckURL refuses what is not fetched; the error is fault.Invalid at "url".
func CheckURL(text string) error {
	_, err := parse(text)
	return err
}

const maxURL = 4096

func parse(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || len(text) > maxURL:
		return nil, fault.Invalid("the URL is not readable: give one such as https://images.example.org/disk.qcow2").At("url")
	case parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "":
		return nil, fault.Invalid("the URL must begin with http:// or https:// and name a server").At("url")
	case parsed.User != nil:
		return nil, fault.Invalid("the URL holds a user or password, which everybody who sees the operation would read: give one without, or upload the file").At("url")
	}
	return parsed, nil
}

// checkDial is asked with the address that is about to be connected to, after any name was resolved.
func checkDial(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fault.Invalid("the URL leads to an address that is not readable").At("url").Because(err)
	}
	if !outside(target.Addr()) {
		return fault.Invalid("the URL leads to %s, an address that only this server itself can reach; only an administrator of the installation may fetch from there", target.Addr()).At("url")
	}
	return nil
}

// Prefixes whose addresses stand for an IPv4 address: RFC 6052 (NAT64) and RFC 3056 (6to4).
var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixToIV = netip.MustParsePrefix("2002::/16")
	thisNet = netip.MustParsePrefix("0.0.0.0/8")
)

// outside reports whether an address is one that others than this machine may reach.
func outside(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	raw := address.As16()
	switch {
	case nat64.Contains(address):
		return outside(netip.AddrFrom4([4]byte(raw[12:16])))
	case sixToIV.Contains(address):
		return outside(netip.AddrFrom4([4]byte(raw[2:6])))
	}
	return address.IsGlobalUnicast() && !thisNet.Contains(address)
}

func dialer(local bool) *net.Dialer {
	made := &net.Dialer{Timeout: dialLimit}
	if !local {
		made.ControlContext = checkDial
	}
	return made
}
