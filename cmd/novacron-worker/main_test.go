package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
)

// hostless are settings with which the program starts and then waits for an API that is not there.
func hostless(t *testing.T, more ...string) []string {
	t.Helper()
	alone(t)
	t.Setenv("NOVACRON_ENROL_TOKEN", "nce_once")
	directory, err := os.MkdirTemp("", "nw") // unix sockets lie below it, so its path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	return append([]string{
		"-server", "http://127.0.0.1:1", "-temporal-address", "127.0.0.1:1", "-migration-address", "127.77.0.1", "-name", "h1",
		"-libvirt-uri", "test:///default", "-state", filepath.Join(directory, "state"), "-runtime", filepath.Join(directory, "run"),
		"-repository", filepath.Join(directory, "backups"),
	}, more...)
}

// TestRunWaitsForTheAPI sets up what a host has and goes on trying to enrol until it is told to stop.
func TestRunWaitsForTheAPI(t *testing.T) {
	args := hostless(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if err := run(ctx, args); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it ends with %v", err)
	}
	directory := filepath.Dir(args[len(args)-1])
	for _, each := range []string{"backups", "state/seen/repository"} {
		if _, err := os.Stat(filepath.Join(directory, each)); err != nil {
			t.Errorf("the host is not set up: %v", err)
		}
	}
}

func TestRunNeedsATokenOnce(t *testing.T) {
	args := hostless(t)
	t.Setenv("NOVACRON_ENROL_TOKEN", "")
	if err := run(t.Context(), args); err == nil || !strings.Contains(err.Error(), "novacron host add") {
		t.Errorf("it ends with %v", err)
	}
}

// TestRunNamesWhatCannotBeSetUp gives it paths that cannot be what they should be.
func TestRunNamesWhatCannotBeSetUp(t *testing.T) {
	for _, name := range []string{"-repository", "-state"} {
		t.Run(name, func(t *testing.T) {
			args := hostless(t)
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			value := map[string]string{"-repository": file + "/backups", "-state": "relative"}[name]
			if err := run(t.Context(), append(args, name, value)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// keeper is a hypervisor that is told keys.
type keeper struct{ told []hypervisor.Secret }

func (k *keeper) KeepSecret(_ context.Context, secret hypervisor.Secret) error {
	k.told = append(k.told, secret)
	return nil
}

func TestPoolsAreOpenedAsTheyAreDeclared(t *testing.T) {
	directory, err := os.MkdirTemp("", "nw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	known := &keeper{}
	open := openPool(config{state: filepath.Join(directory, "state"), runtime: filepath.Join(directory, "run")}, known)
	own := pool.Definition{ID: id.New[id.Pool](), Name: "own", Settings: pool.Settings{Local: &pool.LocalSettings{Directory: filepath.Join(directory, "own")}}}
	opened, err := open(t.Context(), own)
	if err != nil || !opened.Fact(t.Context()).Available {
		t.Fatalf("a new directory: %v", err)
	}
	if err := opened.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	own.Removing = true
	if opened, err = open(t.Context(), own); err != nil || opened.Fact(t.Context()).Available {
		t.Errorf("a pool that is being removed was made again: %v", err)
	}
	ceph := pool.Definition{
		ID: id.New[id.Pool](), Name: "ceph", Key: "QVFE",
		Settings: pool.Settings{RBD: &pool.RBDSettings{Monitors: []string{"127.0.0.1:1"}, Pool: "vms", User: "novacron"}},
	}
	_, err = open(t.Context(), ceph)
	if built := err == nil; built != (len(known.told) == 1) || built && known.told[0] != (hypervisor.Secret{UUID: pool.Secret(ceph.ID), User: "novacron", Key: "QVFE"}) {
		t.Errorf("the hypervisor was told %d keys, and the pool opened with %v", len(known.told), err)
	}
	if _, err := open(t.Context(), pool.Definition{Name: "later"}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a driver of another version: %v", err)
	}
}
