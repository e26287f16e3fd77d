package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// alone makes the environment of this process say nothing to the program, but for the tests' own database.
func alone(t *testing.T) {
	t.Helper()
	for _, each := range os.Environ() {
		if name, _, _ := strings.Cut(each, "="); strings.HasPrefix(name, "NOVACRON_") && !strings.HasPrefix(name, "NOVACRON_TEST_") {
			t.Setenv(name, "")
		}
	}
}

func parsed(args ...string) (config, error) {
	var settings config
	flags := flag.NewFlagSet("novacron-server", flag.ContinueOnError)
	flags.SetOutput(discard{})
	settings.bind(flags)
	if err := flags.Parse(args); err != nil {
		return settings, err
	}
	return settings, settings.complete()
}

type discard struct{}

func (discard) Write(text []byte) (int, error) { return len(text), nil }

func TestConfigFillsInWhatFollows(t *testing.T) {
	alone(t)
	settings, err := parsed("-database-url", "postgres:///novacron", "-data", "here", "-listen", "127.0.0.1:9080")
	if err != nil {
		t.Fatal(err)
	}
	if !settings.does(roleAPI) || !settings.does(roleControl) || settings.publicURL != "http://127.0.0.1:9080" ||
		!filepath.IsAbs(settings.data) || settings.images != filepath.Join(settings.data, "images") || settings.temporalNamespace != "novacron" {
		t.Errorf("the settings are %+v", settings)
	}
}

func TestConfigReadsTheEnvironmentAndPrefersFlags(t *testing.T) {
	alone(t)
	for name, value := range map[string]string{
		"NOVACRON_DATABASE_URL": "postgres:///one", "NOVACRON_TEMPORAL_ADDRESS": "temporal.example:7233", "NOVACRON_TEMPORAL_NAMESPACE": "space",
		"NOVACRON_TEMPORAL_UI": "https://ui.example", "NOVACRON_LISTEN": "127.0.0.1:1", "NOVACRON_IMAGES": "/images", "NOVACRON_DATA": "/data",
		"NOVACRON_PUBLIC_URL": "https://novacron.example",
	} {
		t.Setenv(name, value)
	}
	settings, err := parsed("-roles", "control", "-listen", "127.0.0.1:2")
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		roles: []string{roleControl}, databaseURL: "postgres:///one", temporalAddress: "temporal.example:7233", temporalNamespace: "space",
		temporalUI: "https://ui.example", listen: "127.0.0.1:2", images: "/images", data: "/data", publicURL: "https://novacron.example",
	}
	if !slices.Equal(settings.roles, want.roles) || settings.does(roleAPI) {
		t.Errorf("the roles are %q", settings.roles)
	}
	settings.roles, want.roles = nil, nil
	if settings.databaseURL != want.databaseURL || settings.temporalAddress != want.temporalAddress || settings.listen != want.listen ||
		settings.temporalNamespace != want.temporalNamespace || settings.temporalUI != want.temporalUI || settings.images != want.images ||
		settings.data != want.data || settings.publicURL != want.publicURL {
		t.Errorf("the settings are %+v", settings)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	alone(t)
	for _, each := range []struct{ flag, value string }{
		{"-roles", "api,cook"}, {"-roles", ""}, {"-database-url", ""}, {"-listen", "8080"}, {"-temporal-address", "temporal"},
		{"-public-url", "127.0.0.1:8080"}, {"-public-url", "/novacron"}, {"-temporal-ui", "localhost:8233"},
	} {
		t.Run(each.flag+" "+each.value, func(t *testing.T) {
			_, err := parsed("-database-url", "postgres:///novacron", each.flag, each.value)
			if err == nil || !strings.Contains(err.Error(), each.flag) {
				t.Errorf("it is answered with %v", err)
			}
		})
	}
}

func TestRunRefusesWhatItDoesNotKnow(t *testing.T) {
	alone(t)
	for says, args := range map[string][]string{
		"there is no command":     {"-database-url", "postgres:///novacron", "dance"},
		"flags come before it":    {"-database-url", "postgres:///novacron", "migrate", "-data", "/elsewhere"},
		"-database-url":           {"migrate"},
		"not defined: -no-such":   {"-no-such", "1"},
		"-database-url: the data": {"-database-url", "not a url", "-roles", "api"},
		"the database URL":        {"-database-url", "not a url", "migrate"},
	} {
		if err := run(t.Context(), args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is answered with %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h is answered with %v", err)
	}
}

func TestTrashIsKeptAsLongAsIsSaid(t *testing.T) {
	alone(t)
	t.Setenv("NOVACRON_TRASH_KEPT", "48h")
	for want, args := range map[time.Duration][]string{48 * time.Hour: nil, time.Hour: {"-trash-kept", "1h"}} {
		settings, err := parsed(append([]string{"-database-url", "postgres:///novacron"}, args...)...)
		if err != nil || settings.trashKept != want {
			t.Errorf("%v: %v, %v", args, settings.trashKept, err)
		}
	}
	t.Setenv("NOVACRON_TRASH_KEPT", "soon")
	if _, err := parsed("-database-url", "postgres:///novacron"); err == nil || !strings.Contains(err.Error(), "NOVACRON_TRASH_KEPT") {
		t.Errorf("a time that is none: %v", err)
	}
}
