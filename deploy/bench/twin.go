package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// twin is a VM like one of NovaCron's, that only libvirt knows.
type twin struct {
	lab  *lab.Lab
	name string
}

var (
	ofItsOwn = regexp.MustCompile(`<uuid>[^<]*</uuid>|<mac address='[^']*'/>|<target dev='[^']*'/>`)
	sourceOf = regexp.MustCompile(`<source (?:file|protocol='rbd' name)='([^']+)'`)
)

// overlay makes a disk as provisioning does, duplicate one with what is on the VM's disk by now.
func overlay(base, _, disk string) []string {
	return []string{"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk, "1G"}
}

func duplicate(_, source, disk string) []string {
	return []string{"cp", "--sparse=always", source, disk}
}

// makeTwin does by hand what provisioning does, and returns how long qemu-img and virsh took.
func (b *bench) makeTwin(ctx context.Context, machine vm.VM, diskBy func(base, source, disk string) []string) (twin, time.Duration, error) {
	copied := twin{lab: b.lab, name: string(id.New[id.VM]())}
	definition, source, err := b.diskOf(ctx, machine)
	if err != nil {
		return copied, 0, err
	}
	disk, base := path.Join(path.Dir(source), copied.name), ""
	if path.IsAbs(source) {
		disk += ".qcow2"
		if base, err = b.backingOf(ctx, source); err != nil {
			return copied, 0, err
		}
	}
	definition = strings.ReplaceAll(definition, source, disk)
	definition = strings.ReplaceAll(ofItsOwn.ReplaceAllString(definition, ""), string(machine.ID), copied.name)
	text := filepath.Join(os.TempDir(), copied.name+".xml")
	if err := os.WriteFile(text, []byte(definition), 0o600); err != nil {
		return copied, 0, err
	}
	b.later(func(ctx context.Context) error {
		for _, host := range []string{"h1", "h2"} {
			_, _ = copied.virsh(ctx, host, "destroy", copied.name) // it is on one of them at most
			_, _ = copied.virsh(ctx, host, "undefine", copied.name)
		}
		_ = os.Remove(text)
		words := b.removal(disk)
		return b.lab.On(ctx, "h1", words[0], words[1:]...).Run()
	})
	began := time.Now()
	words := diskBy(base, source, disk)
	if output, err := b.lab.On(ctx, "h1", words[0], words[1:]...).CombinedOutput(); err != nil {
		return copied, 0, fmt.Errorf("%s: %w: %s", words[0], err, output)
	}
	if _, err := copied.virsh(ctx, "h1", "define", text); err != nil {
		return copied, 0, err
	}
	_, err = copied.virsh(ctx, "h1", "start", copied.name)
	return copied, time.Since(began), err
}

func (b *bench) backingOf(ctx context.Context, disk string) (string, error) {
	output, err := b.lab.On(ctx, "h1", "qemu-img", "info", "-U", "--output=json", disk).Output()
	if err != nil {
		return "", fmt.Errorf("qemu-img info %s: %w", disk, err)
	}
	var found struct {
		Base string `json:"full-backing-filename"`
	}
	err = json.Unmarshal(output, &found)
	return found.Base, err
}

// move returns QEMU's total in milliseconds and the wall time of virsh.
func (t twin) move(ctx context.Context, from, to string) (float64, time.Duration, error) {
	began := time.Now()
	_, err := t.virsh(ctx, from, "migrate", "--live", "--p2p", "--persistent", "--undefinesource", "--unsafe", t.name,
		"qemu+tcp://"+lab.Address(to)+"/system")
	took := time.Since(began)
	if err != nil {
		return 0, 0, err
	}
	total, err := t.total(ctx, to)
	return total, took, err
}

// total is how long a migration took that has ended, in milliseconds, as the target tells it. The source would count the end
// of libvirt's protocol too, but forgets the VM.
func (t twin) total(ctx context.Context, target string) (float64, error) {
	report, err := t.virsh(ctx, target, "domjobinfo", t.name, "--completed", "--keep-completed")
	if err != nil {
		return 0, err
	}
	return after(report, "Time elapsed:")
}

func (t twin) virsh(ctx context.Context, host string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", t.lab.LibvirtURI(host)}, args...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("virsh %s on %s: %w: %s", args[0], host, err, strings.TrimSpace(stderr.String()))
	}
	return string(output), nil
}
