package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

const (
	acceptRate, acceptCount = 20, 300
	listRate, listCount     = 50, 500
	rounds                  = 3 // of each, of which the median counts
	listedVMs, pageOfVMs    = 1000, 100
)

// tail measures in rounds, and returns the median of their 99th percentiles in milliseconds. What follows each round does
// not count.
func tail(ctx context.Context, perSecond, count int, send, after func(context.Context) error) (float64, error) {
	var found []float64
	for range rounds {
		took, err := paced(ctx, perSecond, count, send)
		if err != nil {
			return 0, err
		}
		found = append(found, percentile99(took))
		note("  median %d ms, p99 %.0f ms", median(took).Milliseconds(), found[len(found)-1])
		if err := after(ctx); err != nil {
			return 0, err
		}
	}
	return median(found), nil
}

// paced sends requests at a fixed rate, whether or not earlier ones have been answered: the time of one that had to wait
// for others counts in full.
func paced(ctx context.Context, perSecond, count int, send func(context.Context) error) ([]time.Duration, error) {
	took, problems := make([]time.Duration, count), make([]error, count)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	var sending sync.WaitGroup
	for i := range count {
		select {
		case <-tick.C:
		case <-ctx.Done():
			sending.Wait()
			return nil, ctx.Err()
		}
		sending.Go(func() {
			began := time.Now()
			problems[i] = send(ctx)
			took[i] = time.Since(began)
		})
	}
	sending.Wait()
	return took, errors.Join(problems...)
}

// measureAccept has capacity plans accepted, which claim nothing and are otherwise operations like others.
func (b *bench) measureAccept(ctx context.Context) error {
	plan := func(ctx context.Context) error {
		_, err := b.client.PlanCapacity(ctx, 30, client.Change{})
		return err
	}
	p99, err := tail(ctx, acceptRate, acceptCount, plan, b.drained)
	if err == nil {
		b.below("accepting an operation, POST to 202, p99 at 20 requests a second", p99, "ms", 100)
	}
	return err
}

// drained waits until the capacity plans have ended, so that they do not disturb what is measured next.
func (b *bench) drained(ctx context.Context) error {
	for {
		open, _, err := b.client.Operations(ctx, client.OperationQuery{Kind: operation.Capacity, Open: true})
		if err != nil || len(open) == 0 {
			return err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measureList asks a server of its own with a database of its own, so that the inventory stays as it is.
func (b *bench) measureList(ctx context.Context) error {
	listing, err := b.startListing(ctx)
	if err != nil {
		return err
	}
	list := func(ctx context.Context) error {
		items, _, err := listing.VMs(ctx, client.VMQuery{Page: client.Page{Limit: pageOfVMs}})
		if err == nil && len(items) != pageOfVMs {
			err = fmt.Errorf("a page has %d VMs, not %d", len(items), pageOfVMs)
		}
		return err
	}
	p99, err := tail(ctx, listRate, listCount, list, func(context.Context) error { return nil })
	if err == nil {
		b.below("GET /vms with 1,000 VMs, first page of 100, p99 at 50 requests a second", p99, "ms", 50)
	}
	return err
}

func (b *bench) databaseURL(database string) string {
	return "postgres://novacron@/" + database + "?host=" + filepath.Join(b.data, "run", "postgres")
}

func (b *bench) startListing(ctx context.Context) (*client.Client, error) {
	database := fmt.Sprintf("bench_%d", os.Getpid())
	if err := b.statement(ctx, "postgres", "CREATE DATABASE "+database); err != nil {
		return nil, err
	}
	b.later(func(ctx context.Context) error {
		return b.statement(ctx, "postgres", "DROP DATABASE "+database+" WITH (FORCE)")
	})
	directory, err := os.MkdirTemp("", "novacron-bench-")
	if err != nil {
		return nil, err
	}
	b.later(func(context.Context) error { return os.RemoveAll(directory) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().String()
	_ = free.Close() // the server takes it
	environment := append(os.Environ(), "NOVACRON_DATA="+directory, "NOVACRON_IMAGES="+filepath.Join(directory, "images"),
		"NOVACRON_LISTEN="+address, "NOVACRON_PUBLIC_URL=http://"+address, "NOVACRON_DATABASE_URL="+b.databaseURL(database))
	program := filepath.Join("bin", "novacron-server")
	for _, command := range []string{"migrate", "admin"} {
		prepare := exec.CommandContext(ctx, program, command)
		prepare.Env = environment
		if output, err := prepare.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("novacron-server %s: %w: %s", command, err, output)
		}
	}
	if err := b.statement(ctx, database, manyVMs); err != nil {
		return nil, err
	}
	server := exec.Command(program, "-roles", "api")
	server.Env = environment
	if err := server.Start(); err != nil {
		return nil, err
	}
	b.later(func(context.Context) error {
		_ = server.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_ = server.Wait()                          // its status says no more than the signal
		return nil
	})
	content, err := os.ReadFile(filepath.Join(directory, "context.json"))
	if err != nil {
		return nil, err
	}
	listing, err := connect(content)
	if err != nil {
		return nil, err
	}
	limited, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for {
		if _, err := listing.Whoami(limited); err == nil {
			return listing, nil
		}
		if err := sleep(limited, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("the server of the list did not start: %w", err)
		}
	}
}

func (b *bench) statement(ctx context.Context, database, text string) error {
	connected, err := pgx.Connect(ctx, b.databaseURL(strings.ToLower(database)))
	if err != nil {
		return err
	}
	defer connected.Close(ctx)
	_, err = connected.Exec(ctx, text)
	return err
}
