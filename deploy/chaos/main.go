package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// settings is what the command line says.
type settings struct {
	data  string // data directory of the stack
	only  *regexp.Regexp
	quick bool
	list  bool
	share share
	seed  uint64

	progress string          // file of the names of cases that passed; "" keeps none
	passed   map[string]bool // what it says
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
	flags.Func("share", "run one part of several, such as 1/10, spread over all operations, steps and victims", func(text string) (err error) {
		chosen.share, err = parseShare(text)
		return err
	})
	flags.Uint64Var(&chosen.seed, "seed", 1, "of the moments within an activity")
	flags.StringVar(&chosen.progress, "passed", "", "file that notes the cases that passed; they are not run again")
	flags.Func("only", "run the cases whose name matches this expression", func(text string) (err error) {
		chosen.only, err = regexp.Compile(text)
		return err
	})
	if err := flags.Parse(args); err != nil || chosen.progress == "" {
		return chosen, err
	}
	names, err := os.ReadFile(chosen.progress)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return chosen, err
	}
	chosen.passed = map[string]bool{}
	for name := range strings.FieldsSeq(string(names)) {
		chosen.passed[name] = true
	}
	return chosen, nil
}

// note adds a case to those that passed.
func (s settings) note(name string) error {
	if s.progress == "" {
		return nil
	}
	file, err := os.OpenFile(s.progress, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, name)
	return errors.Join(err, file.Close())
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
		found := runner.run(ctx, each)
		if ctx.Err() != nil {
			break // what an interrupt broke is not a finding
		}
		table.add(each, found)
		if len(found.wrong) == 0 {
			if err := chosen.note(each.name()); err != nil {
				return err
			}
		}
	}
	return errors.Join(ctx.Err(), table.verdict())
}
