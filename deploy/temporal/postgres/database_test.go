package postgres

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, wanted := range map[string]struct{ user, password, address, socket, maintenance string }{
		"postgres://novacron@/novacron?host=/run/pg":      {"novacron", "", "localhost:5432", "/run/pg", "novacron"},
		"postgres://novacron@?host=/run/a%20b":            {"novacron", "", "localhost:5432", "/run/a b", "postgres"},
		"postgresql://u:p%40ss@db.example:6432/inventory": {"u", "p@ss", "db.example:6432", "", "inventory"},
		"postgres://u@db.example/":                        {"u", "", "db.example:5432", "", "postgres"},
	} {
		d, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		cfg := d.Main(16)
		if cfg.User != wanted.user || cfg.Password != wanted.password || cfg.ConnectAddr != wanted.address ||
			cfg.ConnectAttributes["host"] != wanted.socket || d.maintenance != wanted.maintenance {
			t.Errorf("%s: got %+v, maintenance %q", text, cfg, d.maintenance)
		}
		if cfg.DatabaseName != mainDatabase || cfg.MaxIdleConns != 16 {
			t.Errorf("%s: database %q with %d idle connections", text, cfg.DatabaseName, cfg.MaxIdleConns)
		}
	}
}

func TestParseRefusesWithAnExample(t *testing.T) {
	for _, text := range []string{"", "host=/run/pg", "mysql://u@h/d", "postgres:///novacron", "://"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestStringKeepsThePassword(t *testing.T) {
	d, err := Parse("postgres://u:secret@db.example/x")
	if err != nil {
		t.Fatal(err)
	}
	if text := d.String(); strings.Contains(text, "secret") || !strings.Contains(text, "db.example") {
		t.Errorf("it prints as %q", text)
	}
}
