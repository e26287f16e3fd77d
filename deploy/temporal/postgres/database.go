// Package postgres says where Temporal's databases are and brings their schema up to date.
//
// It never changes a database that is newer than this build, and never drops anything.
package postgres

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strings"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
)

// Names of the two databases Temporal keeps: histories and queues; and what lists of workflows are answered from.
const (
	mainDatabase       = "temporal"
	visibilityDatabase = "temporal_visibility"
)

// Database is a PostgreSQL cluster that holds (or will hold) both databases.
type Database struct {
	user, password, address string
	maintenance             string // an existing database, to connect to before ours exist
	prefix                  string // before the names of both
	attributes              map[string]string
}

// Parse reads a URL such as postgres://novacron@/novacron?host=/run/postgres: the database it names only has to exist,
// Temporal's own are created beside it. The keyword=value form of DSNs is refused, because Temporal's plugin takes none.
func Parse(text string) (Database, error) {
	if text == "" {
		return Database{}, errors.New("it is required, for example postgres://novacron@/novacron?host=/run/postgres")
	}
	parsed, err := url.Parse(text)
	if err != nil || (parsed.Scheme != "postgres" && parsed.Scheme != "postgresql") {
		return Database{}, errors.New("it must be a URL of the form postgres://user@host/database?host=/socket/directory")
	}
	d := Database{
		user:        parsed.User.Username(),
		address:     parsed.Host,
		maintenance: strings.TrimPrefix(parsed.Path, "/"),
		attributes:  map[string]string{},
	}
	d.password, _ = parsed.User.Password()
	if d.user == "" {
		return Database{}, errors.New("it names no user")
	}
	if d.maintenance == "" {
		d.maintenance = "postgres"
	}
	for key, values := range parsed.Query() {
		d.attributes[key] = values[0]
	}
	// Temporal validates the address as host:port even when the host attribute overrides it, as it does for a socket.
	if d.address == "" {
		d.address = "localhost"
	}
	if _, _, err := net.SplitHostPort(d.address); err != nil {
		d.address = net.JoinHostPort(d.address, "5432")
	}
	return d, nil
}

// WithPrefix is for several Temporals on one PostgreSQL: their databases have different prefixes.
func (d Database) WithPrefix(prefix string) Database {
	d.prefix = prefix
	return d
}

// Main is how Temporal reaches the database of histories and queues, with at most so many connections. Each of the four
// services opens pools of its own, so they count four times.
func (d Database) Main(connections int) *config.SQL { return d.sql(d.prefix+mainDatabase, connections) }

// Visibility is how Temporal reaches the database for lists of workflows; connections as for Main. Its commits do not wait
// for the disk: what asked for one is taken off its queue in the main database of the same cluster, whose commits do wait,
// and what came earlier in the one write-ahead log is then on the disk too.
func (d Database) Visibility(connections int) *config.SQL {
	visibility := d.sql(d.prefix+visibilityDatabase, connections)
	visibility.ConnectAttributes = maps.Clone(visibility.ConnectAttributes)
	visibility.ConnectAttributes["synchronous_commit"] = "off"
	return visibility
}

func (d Database) sql(name string, connections int) *config.SQL {
	return &config.SQL{
		PluginName:        postgresql.PluginNamePGX,
		User:              url.PathEscape(d.user), // the plugin escapes the password, and nothing else
		Password:          d.password,
		DatabaseName:      name,
		ConnectAddr:       d.address,
		ConnectProtocol:   "tcp", // validated, unused by this plugin
		ConnectAttributes: d.attributes,
		MaxConns:          connections,
		MaxIdleConns:      connections, // with fewer, each burst of work starts and ends PostgreSQL processes, which costs more than the work
		MaxConnLifetime:   time.Hour,
	}
}

// String is where the cluster is, without the password.
func (d Database) String() string {
	if socket := d.attributes["host"]; socket != "" {
		return fmt.Sprintf("%s@%s", d.user, socket)
	}
	return fmt.Sprintf("%s@%s", d.user, d.address)
}
