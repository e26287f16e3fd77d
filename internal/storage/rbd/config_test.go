package rbd

import (
	"errors"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

func sane() Config {
	return Config{
		Name: "fast", Monitors: []string{"10.0.0.1:3300"}, Pool: "vms", User: "novacron", Key: "QUJD",
		StagingDir: "/var/lib/novacron/staging", RuntimeDir: "/run/novacron/nbd",
	}
}

func TestConfig(t *testing.T) {
	if err := sane().check(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*Config){
		"name":        func(c *Config) { c.Name = "" },
		"monitors":    func(c *Config) { c.Monitors = []string{"10.0.0.1"} },
		"pool":        func(c *Config) { c.Pool = "" },
		"user":        func(c *Config) { c.User = "" },
		"key":         func(c *Config) { c.Key = "a key" },
		"staging_dir": func(c *Config) { c.StagingDir = "staging" },
		"runtime_dir": func(c *Config) { c.RuntimeDir = "nbd" },
	} {
		bad := sane()
		change(&bad)
		_, err := New(bad)
		if found, ok := errors.AsType[*fault.Error](err); !ok || found.Kind != fault.KindInvalid || found.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
