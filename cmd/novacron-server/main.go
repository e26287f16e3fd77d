// novacron-server is the control plane: the API with the UI, and the control worker, in one process or in two.
//
//	novacron-server [flags]              serve
//	novacron-server [flags] migrate      bring the database's schema up to date
//	novacron-server [flags] admin        make sure that there is an administrator, and credentials for the CLI
//	novacron-server [flags] enrol-token  print a one-time token that lets a host in
//	novacron-server [flags] copy-objects FROM TO
//	                                     copy images or backups to another place, such as a directory to swift:images
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/novacron/novacron/internal/store"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	stopped := ctx.Err() != nil && errors.Is(err, context.Canceled) // it was told to stop while it waited for something
	if err != nil && !errors.Is(err, flag.ErrHelp) && !stopped {
		fmt.Fprintln(os.Stderr, "novacron-server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var settings config
	flags := flag.NewFlagSet("novacron-server", flag.ContinueOnError)
	settings.bind(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := settings.complete(); err != nil {
		return err
	}
	if flags.Arg(0) == "copy-objects" {
		if flags.NArg() != 3 {
			return errors.New("copy-objects takes two places, each a directory or swift:CONTAINER: from where, and to where")
		}
		return copyObjects(ctx, settings, flags.Arg(1), flags.Arg(2))
	}
	if flags.NArg() > 1 {
		return fmt.Errorf("%q comes after the command %s; flags come before it, and there is one command", flags.Arg(1), flags.Arg(0))
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	slog.SetDefault(log)
	switch flags.Arg(0) {
	case "":
		return serve(ctx, settings, log)
	case "migrate":
		return store.Migrate(ctx, settings.databaseURL)
	case "admin":
		return withStore(ctx, settings, ensureAdmin)
	case "enrol-token":
		return withStore(ctx, settings, enrolToken)
	default:
		return fmt.Errorf("there is no command %q; take migrate, admin, enrol-token, copy-objects, or none to serve", flags.Arg(0))
	}
}

func withStore(ctx context.Context, settings config, work func(context.Context, config, *store.Store) error) error {
	inventory, err := store.Open(ctx, settings.databaseURL)
	if err != nil {
		return err
	}
	defer inventory.Close()
	return work(ctx, settings, inventory)
}
