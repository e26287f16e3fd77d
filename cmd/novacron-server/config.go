package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/objectstore"
)

// config is everything novacron-server can be told. Each field has a flag, whose default comes from the environment.
type config struct {
	roles             []string // what this process does: api, control or both
	databaseURL       string   // PostgreSQL, as a URL or a pgx DSN
	temporalAddress   string   // host:port of Temporal's frontend
	temporalNamespace string
	temporalUI        string // base URL of Temporal's web UI, for links; may be empty
	listen            string // host:port of the API and UI
	images            string // where images are kept: a directory, or swift:CONTAINER
	backups           string // where backups are kept: swift:CONTAINER, or empty for the directory that hosts have
	swift             string // file that says how to get into Swift
	imagePlace        objectstore.Place
	backupPlace       objectstore.Place
	data              string // directory for state, uploads and, with `admin`, credentials
	sealKey           string // file with the key that secrets are sealed with
	trashKept         time.Duration
	publicURL         string // where clients reach the API; `admin` writes it into the CLI's context
}

const (
	roleAPI     = "api"
	roleControl = "control"
)

func fromEnvironment(name, otherwise string) string {
	if value, set := os.LookupEnv(name); set && value != "" {
		return value
	}
	return otherwise
}

func (c *config) bind(flags *flag.FlagSet) {
	text := func(into *string, name, variable, otherwise, usage string) {
		flags.StringVar(into, name, fromEnvironment(variable, otherwise), usage+" ($"+variable+")")
	}
	flags.Func("roles", "what to do, separated by commas: api, control (default both)", func(value string) error {
		c.roles = strings.Split(value, ",")
		return nil
	})
	text(&c.databaseURL, "database-url", "NOVACRON_DATABASE_URL", "", "PostgreSQL to keep the inventory in")
	text(&c.temporalAddress, "temporal-address", "NOVACRON_TEMPORAL_ADDRESS", "127.0.0.1:7233", "host:port of Temporal")
	text(&c.temporalNamespace, "temporal-namespace", "NOVACRON_TEMPORAL_NAMESPACE", "novacron", "Temporal's namespace")
	text(&c.temporalUI, "temporal-ui", "NOVACRON_TEMPORAL_UI", "", "base URL of Temporal's web UI, for links")
	text(&c.listen, "listen", "NOVACRON_LISTEN", "127.0.0.1:8080", "host:port of API and UI")
	text(&c.data, "data", "NOVACRON_DATA", ".novacron", "directory for state")
	text(&c.images, "images", "NOVACRON_IMAGES", "", "where images are kept: a directory, or swift:CONTAINER (default DATA/images)")
	text(&c.backups, "backups", "NOVACRON_BACKUPS", "", "where backups are kept: swift:CONTAINER (default: the directory that hosts have mounted)")
	text(&c.swift, "swift", "NOVACRON_SWIFT", "", "file that says how to get into Swift, readable by its owner only")
	text(&c.sealKey, "seal-key", "NOVACRON_SEAL_KEY", "", "file with the key that secrets are sealed with, made if missing; back it up (default DATA/seal.key)")
	flags.Func("trash-kept", "how long volumes stay in the trash, such as 168h (default 7 days; $NOVACRON_TRASH_KEPT)", c.keepTrash)
	text(&c.publicURL, "public-url", "NOVACRON_PUBLIC_URL", "", "where clients reach the API (default http://LISTEN)")
}

// keepTrash reads how long volumes stay in the trash.
func (c *config) keepTrash(value string) error {
	kept, err := time.ParseDuration(value)
	if err != nil || kept <= 0 {
		return fmt.Errorf("%q is not a time such as 168h", value)
	}
	c.trashKept = kept
	return nil
}

// complete fills in what follows from the rest and refuses what makes no sense, naming the flag.
func (c *config) complete() error {
	if len(c.roles) == 0 {
		c.roles = []string{roleAPI, roleControl}
	}
	for _, role := range c.roles {
		if role != roleAPI && role != roleControl {
			return fmt.Errorf("-roles: %q is not a role; take api, control or both", role)
		}
	}
	if kept := os.Getenv("NOVACRON_TRASH_KEPT"); kept != "" && c.trashKept == 0 {
		if err := c.keepTrash(kept); err != nil {
			return fmt.Errorf("NOVACRON_TRASH_KEPT: %w", err)
		}
	}
	if c.databaseURL == "" {
		return errors.New("-database-url: say where PostgreSQL is, or set NOVACRON_DATABASE_URL")
	}
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	if _, _, err := net.SplitHostPort(c.temporalAddress); err != nil {
		return fmt.Errorf("-temporal-address: %w", err)
	}
	var err error
	if c.data, err = filepath.Abs(c.data); err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	if c.images == "" {
		c.images = filepath.Join(c.data, "images")
	}
	if err := c.places(); err != nil {
		return err
	}
	if c.sealKey == "" {
		c.sealKey = filepath.Join(c.data, "seal.key")
	}
	if c.publicURL == "" {
		c.publicURL = "http://" + c.listen
	}
	if err := checkURL("-public-url", c.publicURL); err != nil {
		return err
	}
	if c.temporalUI == "" {
		return nil
	}
	return checkURL("-temporal-ui", c.temporalUI)
}

// checkURL refuses what no client could call, such as host:port without http in front.
func checkURL(flag, text string) error {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return fmt.Errorf("%s: %q is not a URL such as http://127.0.0.1:8080", flag, text)
	}
	return nil
}

func (c *config) does(role string) bool { return slices.Contains(c.roles, role) }
