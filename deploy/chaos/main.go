package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

// settings is what the command line says.
type settings struct {
	data  string // data directory of the stack
	only  *regexp.Regexp
	quick bool
	list  bool
	seed  uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := parse(os.Args[1:])
	if err == nil {
		err = campaign(ctx, chosen, os.Stdout)
	}
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var chosen settings
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&chosen.data, "data", dataDirectory(), "data directory of the running stack")
	flags.BoolVar(&chosen.quick, "quick", false, "only a representative dozen")
	flags.BoolVar(&chosen.list, "list", false, "print the cases and run none")
	flags.Uint64Var(&chosen.seed, "seed", 1, "of the moments within an activity")
	flags.Func("only", "run the cases whose name matches this expression", func(text string) (err error) {
		chosen.only, err = regexp.Compile(text)
		return err
	})
	return chosen, flags.Parse(args)
}

func dataDirectory() string {
	if data := os.Getenv("NOVACRON_DATA"); data != "" {
		return data
	}
	return ".novacron"
}

// campaign runs the chosen cases; the error says how many of them failed.
func campaign(ctx context.Context, chosen settings, out io.Writer) error {
	cases, err := choose(chosen)
	if err != nil {
		return err
	}
	if chosen.list {
		for _, each := range cases {
			fmt.Fprintln(out, each.name())
		}
		return nil
	}
	data, err := filepath.Abs(chosen.data)
	if err != nil {
		return err
	}
	stand, err := openStand(data)
	if err != nil {
		return err
	}
	defer stand.close()
	if err := stand.settle(ctx); err != nil {
		return err
	}
	if stand.before, err = stand.leaks(ctx); err != nil {
		return err
	}
	runner := &runner{stand: stand, random: rand.New(rand.NewPCG(chosen.seed, 0))} //nolint:gosec // repeatable, not secret
	defer runner.discard(context.WithoutCancel(ctx))
	table := newTable(out, len(cases))
	for _, each := range cases {
		if ctx.Err() != nil {
			break
		}
		table.add(each, runner.run(ctx, each))
	}
	return errors.Join(ctx.Err(), table.verdict())
}
