package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	home, _ := os.UserHomeDir()
	directory, _ := os.Getwd()
	machine := surroundings{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, home: home, directory: directory, now: time.Now,
		live:   term.IsTerminal(int(os.Stdout.Fd())) && term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb",
		screen: screen,
		secret: readSecret, sendPause: 5 * time.Second,
	}
	status := run(ctx, machine, os.Args[1:])
	stop()
	os.Exit(status)
}

// screen is the terminal's size, or a usual one where it does not say.
func screen() (columns, rows int) {
	columns, rows, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || columns < 20 || rows < 5 {
		return 100, 30
	}
	return columns, rows
}

// readSecret reads a line that is not shown; false if there is nobody to type it.
func readSecret() (string, bool) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", false
	}
	typed, err := term.ReadPassword(int(os.Stdin.Fd()))
	return string(typed), err == nil
}
