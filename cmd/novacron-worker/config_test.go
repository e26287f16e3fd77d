package main

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

// alone makes the environment of this process say nothing to the program.
func alone(t *testing.T) {
	t.Helper()
	for _, each := range os.Environ() {
		if name, _, _ := strings.Cut(each, "="); strings.HasPrefix(name, "NOVACRON_") {
			t.Setenv(name, "")
		}
	}
}

func good(more ...string) []string {
	return append([]string{
		"-server", "http://127.0.0.1:8080", "-temporal-address", "127.0.0.1:7233", "-migration-address", "10.77.0.11",
		"-extra-peers", "10.77.0.1", "-repository", "/backups",
	}, more...)
}

func TestConfigReadsFlags(t *testing.T) {
	alone(t)
	var settings config
	if err := settings.parse(good()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(settings.extraPeers, []netip.Addr{netip.MustParseAddr("10.77.0.1")}) || settings.migrationAddress.String() != "10.77.0.11" {
		t.Errorf("addresses are %v and %v", settings.extraPeers, settings.migrationAddress)
	}
	hostname, err := os.Hostname()
	if err != nil || settings.name != hostname || settings.acceleration != "kvm" || settings.migrationScheme != "qemu+tls" {
		t.Errorf("what was not said is %+v (%v)", settings, err)
	}
}

func TestConfigReadsTheEnvironmentAndPrefersFlags(t *testing.T) {
	alone(t)
	for name, value := range map[string]string{
		"NOVACRON_SERVER": "https://plane.example", "NOVACRON_TEMPORAL_ADDRESS": "temporal.example:7233", "NOVACRON_HOST_NAME": "h7",
		"NOVACRON_MIGRATION_ADDRESS": "10.77.0.17", "NOVACRON_ENROL_TOKEN": "nce_once", "NOVACRON_ACCELERATION": "tcg",
	} {
		t.Setenv(name, value)
	}
	var settings config
	if err := settings.parse([]string{"-name", "h8"}); err != nil {
		t.Fatal(err)
	}
	if settings.server != "https://plane.example" || settings.name != "h8" || settings.enrolToken != "nce_once" || settings.acceleration != "tcg" ||
		settings.migrationAddress.String() != "10.77.0.17" {
		t.Errorf("the settings are %+v", settings)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	alone(t)
	for _, each := range []struct{ flag, value string }{
		{"-server", ""}, {"-server", "127.0.0.1:8080"}, {"-server", "ftp://127.0.0.1"}, {"-temporal-address", ""}, {"-temporal-address", "temporal"},
		{"-migration-address", "nowhere"}, {"-migration-address", ""}, {"-migration-address", "fd00::7"}, {"-state", "state"}, {"-runtime", "run"}, {"-extra-peers", "10.77.0.1,x"},
		{"-pools", "local=/a,local=/b"}, {"-image-cache", "20GiB"}, {"-image-cache", "-1"}, {"-repository", "backups"}, {"-acceleration", "xen"}, {"-migration-scheme", "ssh"},
	} {
		t.Run(each.flag+" "+each.value, func(t *testing.T) {
			var settings config
			if err := settings.parse(good(each.flag, each.value)); err == nil || !strings.Contains(err.Error(), each.flag) {
				t.Errorf("it is answered with %v", err)
			}
		})
	}
	for _, args := range [][]string{good("serve"), good("-no-such-flag")} {
		var settings config
		if err := settings.parse(args); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q is answered with %v", args[len(args)-1], err)
		}
	}
}

// TestRunRefusesBeforeItTouchesAnything has a wrong flag end the program, and a state directory that cannot be made too.
func TestRunRefusesBeforeItTouchesAnything(t *testing.T) {
	alone(t)
	if err := run(t.Context(), []string{"-server", "nowhere"}); err == nil || !strings.Contains(err.Error(), "-server") {
		t.Errorf("it ends with %v", err)
	}
}
