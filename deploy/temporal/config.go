package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/novacron/novacron/deploy/temporal/cluster"
	"github.com/novacron/novacron/deploy/temporal/namespace"
	"github.com/novacron/novacron/deploy/temporal/postgres"
)

// Config is everything that can be chosen about the process. Each field has a flag, and each flag an environment variable
// for its default; bad values are refused at start with the flag's name.
type Config struct {
	Database      postgres.Database // -database-url, NOVACRON_TEMPORAL_DATABASE_URL
	Cluster       cluster.Options   // -listen (NOVACRON_TEMPORAL_ADDRESS), -shards
	Namespace     namespace.Wanted  // -namespace (NOVACRON_TEMPORAL_NAMESPACE), -retention
	UIAddress     string            // -ui, NOVACRON_TEMPORAL_UI_ADDRESS: host:port of the web UI
	HealthAddress string            // -health, NOVACRON_TEMPORAL_HEALTH_ADDRESS: host:port of GET /healthz
	LogLevel      string            // -log-level, NOVACRON_TEMPORAL_LOG_LEVEL

	// MemoryLimitBytes is the soft limit of the Go heap and stacks, GCPercent the growth between collections. Together
	// they trade CPU for the memory bar of the control plane: Temporal's idle heap is small, its default garbage is not.
	MemoryLimitBytes int64 // -memory-mib, NOVACRON_TEMPORAL_MEMORY_MIB
	GCPercent        int   // -gc-percent, NOVACRON_TEMPORAL_GC_PERCENT
}

// parseConfig reads flags over environment over defaults.
func parseConfig(args []string, getenv func(string) string) (Config, error) {
	env := func(name, otherwise string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return otherwise
	}
	flags := flag.NewFlagSet("novacron-temporal", flag.ContinueOnError)
	databaseURL := flags.String("database-url", env("NOVACRON_TEMPORAL_DATABASE_URL", ""), "postgres:// URL of the cluster; a unix socket directory goes in ?host=")
	listen := flags.String("listen", env("NOVACRON_TEMPORAL_ADDRESS", "127.0.0.1:7233"), "loopback host:port of Temporal's gRPC frontend")
	ui := flags.String("ui", env("NOVACRON_TEMPORAL_UI_ADDRESS", "127.0.0.1:8233"), "loopback host:port of the web UI")
	health := flags.String("health", env("NOVACRON_TEMPORAL_HEALTH_ADDRESS", "127.0.0.1:7234"), "loopback host:port of GET /healthz")
	name := flags.String("namespace", env("NOVACRON_TEMPORAL_NAMESPACE", "novacron"), "namespace to ensure")
	retention := flags.Duration("retention", 7*24*time.Hour, "how long closed workflows stay readable in Temporal")
	shards := flags.Int("shards", 4, "history shards; fixed for good when the database is first set up")
	memory := flags.String("memory-mib", env("NOVACRON_TEMPORAL_MEMORY_MIB", "320"), "soft memory limit, MiB")
	gcPercent := flags.String("gc-percent", env("NOVACRON_TEMPORAL_GC_PERCENT", "200"), "heap growth between garbage collections, percent")
	level := flags.String("log-level", env("NOVACRON_TEMPORAL_LOG_LEVEL", "warn"), "debug, info, warn or error")
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	cfg := Config{
		Cluster:       cluster.Options{Address: *listen, Shards: int32(*shards)},
		Namespace:     namespace.Wanted{Name: *name, Retention: *retention, Keywords: namespace.Keywords},
		UIAddress:     *ui,
		HealthAddress: *health,
		LogLevel:      *level,
	}
	return cfg, errors.Join(
		cfg.setDatabase(*databaseURL),
		cfg.setMemory(*memory, *gcPercent),
		loopback("-listen", *listen), loopback("-ui", *ui), loopback("-health", *health),
		atLeast("-shards", *shards, 1),
		atLeast("-retention (hours)", int(retention.Hours()), 24),
	)
}

func (c *Config) setDatabase(url string) error {
	database, err := postgres.Parse(url)
	if err != nil {
		return fmt.Errorf("-database-url: %w", err)
	}
	c.Database = database
	return nil
}

func (c *Config) setMemory(mebibytes, gcPercent string) error {
	limit, err := strconv.ParseInt(mebibytes, 10, 64)
	if err != nil || limit < 64 {
		return fmt.Errorf("-memory-mib: %q is not a number of MiB of at least 64", mebibytes)
	}
	percent, err := strconv.Atoi(gcPercent)
	if err != nil || percent < 1 {
		return fmt.Errorf("-gc-percent: %q is not a percentage of at least 1", gcPercent)
	}
	c.MemoryLimitBytes, c.GCPercent = limit<<20, percent
	return nil
}

// loopback refuses an address that another machine could reach: this Temporal authorises nobody.
func loopback(name, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is not host:port", name, address)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s: %q is not a loopback IP address; this Temporal has no authorization and must not be reachable", name, host)
	}
	return nil
}

func atLeast(name string, value, least int) error {
	if value < least {
		return fmt.Errorf("%s: %d is less than %d", name, value, least)
	}
	return nil
}
