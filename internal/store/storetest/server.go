package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// binaries is where Debian 12 puts PostgreSQL's programs.
const binaries = "/usr/lib/postgresql/15/bin"

// startTimeout is for a server that has just been initialised.
const startTimeout = 30 * time.Second

// watchdog starts the server and waits for the end of its standard input, which is a pipe that only the test binary holds
// open: however that ends, the server is stopped and its directory removed. It has a process group of its own, so that an
// interrupt from the keyboard ends the tests first.
const watchdog = `
trap '' INT TERM HUP
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
	-c max_connections=300 -c shared_buffers=64MB -c timezone=UTC </dev/null >"$2/log" 2>&1 &
server=$!
read -r nothing
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$2"
`

// held keeps the pipe open for as long as this process lives.
var held *os.File //nolint:unused // it is read by nobody: that it is not closed is its use

// startServer starts a throw-away server and returns the DSN of its database postgres.
func startServer() (string, error) {
	if _, err := os.Stat(filepath.Join(binaries, "postgres")); err != nil {
		return "", fmt.Errorf("install Debian's postgresql-15, or name a server with %s: %w", Variable, err)
	}
	directory, err := os.MkdirTemp("", "novacron-test-")
	if err != nil {
		return "", err
	}
	account, err := runAs(directory)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(directory))
	}
	if err := initialise(directory, account); err != nil {
		return "", errors.Join(err, os.RemoveAll(directory))
	}
	if err := launch(directory, account); err != nil {
		return "", errors.Join(err, os.RemoveAll(directory))
	}
	dsn := "host=" + directory + " user=postgres dbname=postgres"
	return dsn, await(dsn, filepath.Join(directory, "log"))
}

// runAs is the account that PostgreSQL, which refuses to run as root, runs under; nil for this process's own.
func runAs(directory string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(directory, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func initialise(directory string, account *syscall.Credential) error {
	command := exec.Command(filepath.Join(binaries, "initdb"), "-D", filepath.Join(directory, "data"),
		"-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	command.Dir = directory
	command.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}

func launch(directory string, account *syscall.Credential) error {
	reading, writing, err := os.Pipe()
	if err != nil {
		return err
	}
	command := exec.Command("/bin/sh", "-c", watchdog, "novacron-test-postgres", binaries, directory)
	command.Dir = directory
	command.Stdin = reading
	command.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true}
	if err := command.Start(); err != nil {
		return errors.Join(err, reading.Close(), writing.Close())
	}
	held = writing
	return reading.Close()
}

// await returns once the server answers; if it does not, its log says why.
func await(dsn, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(log)
			return fmt.Errorf("PostgreSQL did not start: %w: %s", err, strings.TrimSpace(string(said)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// explain adds the cause, which faults keep from users; tests are not users.
func explain(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
