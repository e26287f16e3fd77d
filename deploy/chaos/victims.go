package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// victim is what dies. What has a supervisor comes back by itself; a host whose power was cut is switched on again.
type victim struct {
	name   string
	target bool // it is of the second host
	power  bool // it takes the guests of its host along
	strike func(ctx context.Context, s *stand, source, target string) error
}

var victims = []victim{
	{name: "worker-source", strike: func(_ context.Context, s *stand, source, _ string) error { return s.killOn(source, "worker") }},
	{name: "worker-target", target: true, strike: func(_ context.Context, s *stand, _, target string) error { return s.killOn(target, "worker") }},
	{name: "control", strike: func(_ context.Context, s *stand, _, _ string) error { return s.killService("control") }},
	{name: "server", strike: func(_ context.Context, s *stand, _, _ string) error { return s.killService("server") }},
	{name: "temporal", strike: func(_ context.Context, s *stand, _, _ string) error { return s.killService("temporal") }},
	{name: "postgres", strike: func(_ context.Context, s *stand, _, _ string) error { return s.killPostgres() }},
	{name: "libvirtd-source", strike: func(_ context.Context, s *stand, source, _ string) error { return s.killOn(source, "libvirtd") }},
	{name: "libvirtd-target", target: true, strike: func(_ context.Context, s *stand, _, target string) error { return s.killOn(target, "libvirtd") }},
	{name: "power-source", power: true, strike: func(ctx context.Context, s *stand, source, _ string) error { return s.lab.Script(ctx, "kill", source) }},
	{name: "power-target", target: true, power: true, strike: func(ctx context.Context, s *stand, _, target string) error { return s.lab.Script(ctx, "kill", target) }},
}

// darkness is how long a host stays without power.
const darkness = 5 * time.Second

func (s *stand) killOn(host, service string) error {
	pid, err := s.lab.Process(host, service)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", service, host, err)
	}
	return end(pid)
}

func (s *stand) killService(name string) error {
	pid, err := readPID(filepath.Join(s.data, "services", name, "supervise", "pid"))
	if err != nil {
		return fmt.Errorf("service %s: %w", name, err)
	}
	return end(pid)
}

// killPostgres ends the postmaster and every process it made; it is stopped first, so that it makes no more of them.
func (s *stand) killPostgres() error {
	postmaster, err := readPID(filepath.Join(s.data, "postgres", "postmaster.pid"))
	if err != nil {
		return err
	}
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	if err != nil {
		return err
	}
	err = end(postmaster)
	for _, each := range strings.Fields(string(children)) {
		if pid, parseErr := strconv.Atoi(each); parseErr == nil {
			if killErr := end(pid); !errors.Is(killErr, syscall.ESRCH) {
				err = errors.Join(err, killErr)
			}
		}
	}
	return err
}

// readPID reads the number on a file's first line.
func readPID(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

func end(pid int) error {
	if pid <= 1 {
		return fmt.Errorf("BUG: process %d is not to be killed", pid)
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}
