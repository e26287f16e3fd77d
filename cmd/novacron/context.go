package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
)

// savedContext is the file that says where the server is and with which token to ask.
type savedContext struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

const defaultURL = "http://127.0.0.1:8080"

// connect makes a client from the flags, the environment and the context file, in this order.
func (p *program) connect() (*client.Client, error) {
	found, err := p.settle()
	if err != nil {
		return nil, err
	}
	if found.Token == "" {
		return nil, fault.Denied("nobody is logged in to %s; use: novacron login, or set NOVACRON_TOKEN", found.URL)
	}
	return p.clientFor(found)
}

func (p *program) clientFor(found savedContext) (*client.Client, error) {
	return client.New(client.Config{URL: found.URL, Token: found.Token, Project: p.project, Agent: "novacron/" + version})
}

// settle finds the URL and the token. A token from a file only ever goes to that file's server.
func (p *program) settle() (savedContext, error) {
	saved, err := p.savedContext()
	if err != nil {
		return savedContext{}, err
	}
	if url := p.env("NOVACRON_URL"); url != "" && strings.TrimRight(url, "/") != strings.TrimRight(saved.URL, "/") {
		saved = savedContext{URL: url}
	}
	if token := p.env("NOVACRON_TOKEN"); token != "" {
		saved.Token = token
	}
	if saved.URL == "" {
		saved.URL = defaultURL
	}
	return saved, nil
}

// savedContext reads the context file: the one of --context, or the first of NOVACRON_DATA's, that of .novacron in this
// directory or one above, and the user's own. None at all is fine.
func (p *program) savedContext() (savedContext, error) {
	if p.contextFile != "" {
		found, err := readContext(p.contextFile)
		if errors.Is(err, fs.ErrNotExist) {
			return found, fault.Invalid("there is no context file %s", p.contextFile)
		}
		return found, err
	}
	var candidates []string
	if data := p.env("NOVACRON_DATA"); data != "" {
		candidates = append(candidates, filepath.Join(data, "context.json"))
	}
	for at := p.directory; at != ""; at = filepath.Dir(at) {
		candidates = append(candidates, filepath.Join(at, ".novacron", "context.json"))
		if at == filepath.Dir(at) {
			break
		}
	}
	for _, path := range append(candidates, p.ownContextPath()) {
		found, err := readContext(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		return found, err
	}
	return savedContext{}, nil
}

func readContext(path string) (savedContext, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return savedContext{}, err
	}
	var found savedContext
	if err := json.Unmarshal(content, &found); err != nil || found.URL == "" {
		return savedContext{}, fault.Invalid("the context file %s is damaged; remove it or log in again", path)
	}
	return found, nil
}

// ownContextPath is where login writes.
func (p *program) ownContextPath() string {
	return filepath.Join(p.home, ".config", "novacron", "context.json")
}

// saveContext writes the user's own context, which only the user can read, whole or not at all.
func (p *program) saveContext(made savedContext) error {
	path := p.ownContextPath()
	encoded, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".context-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	if _, err := draft.Write(append(encoded, '\n')); err != nil {
		return errors.Join(err, draft.Close())
	}
	if err := draft.Close(); err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}
