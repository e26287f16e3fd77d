package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	temporal "go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
)

// stand is the stack and lab that the campaign is run on.
type stand struct {
	data     string
	url      string
	lab      *lab.Lab
	api      *client.Client
	temporal temporal.Client
	hosts    []string // names of the lab's hosts
	names    map[id.Host]string
	before   map[string]bool // what was left behind before the campaign began
}

const (
	callTimeout   = 20 * time.Second // of one request or program
	settleTimeout = 2 * time.Minute  // for everything to be back after a fault
	askAgainEvery = 500 * time.Millisecond
)

func openStand(data string) (*stand, error) {
	opened, err := lab.Open(filepath.Join(data, "lab"))
	if err != nil {
		return nil, fmt.Errorf("%w; run make up first", err)
	}
	var access struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}
	text, err := os.ReadFile(filepath.Join(data, "context.json"))
	if err == nil {
		err = json.Unmarshal(text, &access)
	}
	if err != nil {
		return nil, fmt.Errorf("how to reach the server: %w; run make up first", err)
	}
	api, err := client.New(client.Config{URL: access.URL, Token: access.Token, Agent: "chaos"})
	if err != nil {
		return nil, err
	}
	address, err := settingOf(data, "NOVACRON_TEMPORAL_ADDRESS")
	if err != nil {
		return nil, err
	}
	namespace, err := settingOf(data, "NOVACRON_TEMPORAL_NAMESPACE")
	if err != nil {
		return nil, err
	}
	connected, err := temporal.NewLazyClient(temporal.Options{
		HostPort: address, Namespace: namespace, Logger: temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, err
	}
	return &stand{data: data, url: access.URL, lab: opened, api: api, temporal: connected, names: map[id.Host]string{}}, nil
}

func (s *stand) close() { s.temporal.Close() }

// settingOf reads a setting of the running stack from the files its services are started with.
func settingOf(data, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, "services", "server", "run"))
	if err != nil {
		return "", fmt.Errorf("%w; run make up first", err)
	}
	found := regexp.MustCompile(`(?m)^export ` + name + `=(\S+)$`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("the stack in %s does not say its %s", data, name)
	}
	return string(found[1]), nil
}

// until repeats check until it returns nil; after the limit its last error counts.
func until(ctx context.Context, limit time.Duration, check func(ctx context.Context) error) error {
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	for {
		attempt, end := context.WithTimeout(limited, callTimeout)
		err := check(attempt)
		end()
		if err == nil || limited.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		time.Sleep(askAgainEvery)
	}
}

// settle waits until the server is ready, every host is seen and its libvirt answers.
func (s *stand) settle(ctx context.Context) error {
	return until(ctx, settleTimeout, func(ctx context.Context) error {
		if err := s.ready(ctx); err != nil {
			return err
		}
		hosts, err := s.api.Hosts(ctx)
		if err != nil {
			return err
		}
		s.hosts = s.hosts[:0]
		for _, each := range hosts {
			s.hosts, s.names[each.ID] = append(s.hosts, each.Name), each.Name
			if each.State == host.Offline {
				return fmt.Errorf("host %s is offline", each.Name)
			}
			if _, err := s.virsh(ctx, each.Name, "uri"); err != nil {
				return err
			}
			if _, err := s.lab.Process(each.Name, "worker"); err != nil {
				return err
			}
		}
		if len(s.hosts) < 2 {
			return errors.New("the campaign needs two hosts: LAB_HOSTS=3 make up")
		}
		return nil
	})
}

func (s *stand) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready: %s", answer.Status)
	}
	return nil
}

// virsh asks a host's libvirtd from outside and returns the lines of its answer.
func (s *stand) virsh(ctx context.Context, host string, args ...string) ([]string, error) {
	command := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", s.lab.LibvirtURI(host)}, args...)...)
	output, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(failed.Stderr)))
		}
		return nil, fmt.Errorf("virsh %s on %s: %w", strings.Join(args, " "), host, err)
	}
	return strings.FieldsFunc(string(output), func(char rune) bool { return char == '\n' }), nil
}

func has(words, word string) bool {
	for each := range strings.FieldsSeq(words) {
		if each == word {
			return true
		}
	}
	return false
}
