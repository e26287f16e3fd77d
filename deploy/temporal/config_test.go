package main

import (
	"strings"
	"testing"
	"time"
)

const someDatabase = "postgres://novacron@/novacron?host=/run/pg"

func nothing(string) string { return "" }

func TestParseConfigTakesFlagsOverEnvironmentOverDefaults(t *testing.T) {
	environment := map[string]string{
		"NOVACRON_TEMPORAL_DATABASE_URL": someDatabase,
		"NOVACRON_TEMPORAL_ADDRESS":      "127.0.0.1:1",
		"NOVACRON_TEMPORAL_UI_ADDRESS":   "127.0.0.1:2",
	}
	cfg, err := parseConfig([]string{"-listen", "127.0.0.1:3"}, func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Cluster.Address != "127.0.0.1:3" || cfg.UIAddress != "127.0.0.1:2" || cfg.HealthAddress != "127.0.0.1:7234" {
		t.Errorf("addresses are %q, %q and %q", cfg.Cluster.Address, cfg.UIAddress, cfg.HealthAddress)
	}
	if cfg.Namespace.Name != "novacron" || cfg.Namespace.Retention != 7*24*time.Hour || cfg.Cluster.Shards != 4 {
		t.Errorf("defaults are %+v and %+v", cfg.Namespace, cfg.Cluster)
	}
	if cfg.MemoryLimitBytes != 320<<20 {
		t.Errorf("the memory limit is %d bytes", cfg.MemoryLimitBytes)
	}
}

func TestParseConfigNamesTheFlagThatIsWrong(t *testing.T) {
	for flag, args := range map[string][]string{
		"-database-url": {"-database-url", "host=/run/pg user=novacron"},
		"-listen":       {"-listen", "0.0.0.0:7233"},
		"-ui":           {"-ui", "localhost:8233"},
		"-health":       {"-health", "7234"},
		"-shards":       {"-shards", "0"},
		"-retention":    {"-retention", "1h"},
		"-memory-mib":   {"-memory-mib", "little"},
		"-gc-percent":   {"-gc-percent", "0"},
	} {
		_, err := parseConfig(append([]string{"-database-url", someDatabase}, args...), nothing)
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v: the error is %v", args, err)
		}
	}
	if _, err := parseConfig(nil, nothing); err == nil || !strings.Contains(err.Error(), "-database-url") {
		t.Errorf("without a database the error is %v", err)
	}
}
