// demo tells NovaCron's story on a running stack with a lab (`make up`): it provisions a VM, live-migrates it while it
// dirties memory, backs it up, destroys it, restores it on another host, and proves that the data is the same. It drives
// the command line that a person would use, and looks at the guest from outside of its network.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/novacron/novacron/deploy/lab"
)

const (
	guestPatience = 3 * time.Minute // for a guest to boot under software emulation on a busy machine
	answerTimeout = 30 * time.Second
	pulseSettles  = time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	pool := flag.String("pool", "", "the pool for the disk; the placement decides if left out")
	flag.Parse()
	data := cmp.Or(os.Getenv("NOVACRON_DATA"), ".novacron")
	if err := run(ctx, data, *pool); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// demo is the VM that the story is about.
type demo struct {
	lab  *lab.Lab
	cli  string
	data string // of the stack
	pool string
	name string
}

// machine is what the CLI says of a VM.
type machine struct {
	ID         string `json:"id"`
	Host       string `json:"host_name"`
	Interfaces []struct {
		IP string `json:"ip"`
	} `json:"interfaces"`
}

func run(ctx context.Context, data, pool string) error {
	opened, err := lab.Open(filepath.Join(data, "lab"))
	if err != nil {
		return fmt.Errorf("%w; run make up first", err)
	}
	d := &demo{lab: opened, cli: filepath.Join("bin", "novacron"), data: data, pool: pool, name: fmt.Sprintf("demo-%d", time.Now().Unix()%100000)}
	told := []struct {
		title string
		tell  func(context.Context) error
	}{
		{"Provision a VM from an image", d.provision},
		{"Write data to its disk that it can check", d.write},
		{"Migrate it live while it dirties 20 MiB of memory a second", d.migrate},
		{"Back it up, destroy it, restore it on another host, compare", d.lose},
	}
	for i, chapter := range told {
		fmt.Printf("\n\033[1m%d. %s\033[0m\n", i+1, chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\nAll of it can be read step by step: %s operation list\n", d.cli)
	return nil
}

// novacron runs the CLI, showing the command and what it says.
func (d *demo) novacron(ctx context.Context, args ...string) error {
	fmt.Print("$ novacron")
	for _, each := range args {
		fmt.Print(" ", each)
	}
	fmt.Println()
	command := d.program(ctx, args...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}

func (d *demo) program(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, d.cli, append([]string{"--context", filepath.Join(d.data, "context.json")}, args...)...)
}

// ask runs the CLI and decodes its JSON.
func (d *demo) ask(ctx context.Context, into any, args ...string) error {
	output, err := d.program(ctx, append(args, "-o", "json")...).Output()
	if err != nil {
		return fmt.Errorf("novacron %v: %w", args, err)
	}
	return json.Unmarshal(output, into)
}

func (d *demo) show(ctx context.Context, name string) (machine, string, error) {
	var shown machine
	if err := d.ask(ctx, &shown, "vm", "show", name); err != nil {
		return shown, "", err
	}
	if len(shown.Interfaces) == 0 {
		return shown, "", errors.New("the VM has no address")
	}
	return shown, shown.Interfaces[0].IP, nil
}

// guest waits for a VM's guest and returns its address.
func (d *demo) guest(ctx context.Context, name string) (string, error) {
	_, address, err := d.show(ctx, name)
	if err != nil {
		return "", err
	}
	limited, stop := context.WithTimeout(ctx, guestPatience)
	defer stop()
	if _, err := d.lab.Await(limited, address); err != nil {
		return "", fmt.Errorf("the guest does not answer at %s: %w", address, err)
	}
	return address, nil
}

func (d *demo) command(ctx context.Context, address, line string, into any) error {
	limited, stop := context.WithTimeout(ctx, answerTimeout)
	defer stop()
	return d.lab.Ask(limited, address, line, into)
}

// inPool adds the pool to a command, if there is one.
func (d *demo) inPool(args ...string) []string {
	if d.pool == "" {
		return args
	}
	return append(args, "--pool", d.pool)
}

func (d *demo) provision(ctx context.Context) error {
	if err := d.novacron(ctx, d.inPool("vm", "create", d.name, "--image", "guest", "--memory", "192MiB", "--disk", "1GiB")...); err != nil {
		return err
	}
	address, err := d.guest(ctx, d.name)
	if err == nil {
		fmt.Printf("  the guest answers at %s, seen from outside of the hosts\n", address)
	}
	return err
}

func (d *demo) write(ctx context.Context) error {
	_, address, err := d.show(ctx, d.name)
	if err != nil {
		return err
	}
	if err := d.command(ctx, address, "write 16 42", nil); err != nil {
		return err
	}
	check, err := d.verify(ctx, address)
	fmt.Printf("  %d blocks written, %d errors, digest %.16s\n", check.Blocks, check.Errors, check.Digest)
	return err
}

func (d *demo) verify(ctx context.Context, address string) (lab.DiskCheck, error) {
	var check lab.DiskCheck
	err := d.command(ctx, address, "verify", &check)
	if err == nil && check.Errors > 0 {
		err = fmt.Errorf("the guest found %d damaged blocks on its disk", check.Errors)
	}
	return check, err
}

func (d *demo) migrate(ctx context.Context) error {
	before, address, err := d.show(ctx, d.name)
	if err != nil {
		return err
	}
	if err := d.command(ctx, address, "dirty 64 20", nil); err != nil {
		return err
	}
	pulse, err := d.lab.Watch(ctx, address)
	if err != nil {
		return err
	}
	if err := d.novacron(ctx, "vm", "migrate", d.name, "--max-downtime", "1500"); err != nil {
		return err
	}
	report := pulse.Stop(pulseSettles)
	if report.Err != nil {
		return fmt.Errorf("the TCP connection to the guest did not survive: %w", report.Err)
	}
	after, moved, err := d.show(ctx, d.name)
	if err != nil {
		return err
	}
	fmt.Printf("  %s -> %s, same address (%v); one TCP connection stayed open all the while: %d lines, longest silence %s, memory errors %d\n",
		before.Host, after.Host, moved == address, report.Lines, report.LongestGap.Round(time.Millisecond), report.MemoryErrors)
	if report.MemoryErrors > 0 || before.Host == after.Host || moved != address {
		return errors.New("the migration did not keep its promise")
	}
	return d.command(ctx, address, "dirty 0 0", nil)
}

// elsewhere names a lab host that is not the given one.
func elsewhere(host string) string {
	if host == "h1" {
		return "h2"
	}
	return "h1"
}

func (d *demo) lose(ctx context.Context) error {
	lost, address, err := d.show(ctx, d.name)
	if err != nil {
		return err
	}
	if err := d.novacron(ctx, "backup", "create", d.name); err != nil {
		return err
	}
	before, err := d.verify(ctx, address)
	if err != nil {
		return err
	}
	var taken []struct {
		ID string `json:"id"`
	}
	if err := d.ask(ctx, &taken, "backup", "list", "--vm", d.name); err != nil {
		return err
	}
	if len(taken) == 0 {
		return errors.New("the backup is not in the list")
	}
	restored := d.name + "-back"
	for _, args := range [][]string{
		{"vm", "delete", d.name},
		{"backup", "verify", taken[0].ID},
		d.inPool("backup", "restore", taken[0].ID, "--as", restored, "--host", elsewhere(lost.Host)),
	} {
		if err := d.novacron(ctx, args...); err != nil {
			return err
		}
	}
	if address, err = d.guest(ctx, restored); err != nil {
		return err
	}
	after, err := d.verify(ctx, address)
	if err != nil {
		return err
	}
	fmt.Printf("  digest before %.16s, after %.16s\n", before.Digest, after.Digest)
	if after.Digest != before.Digest {
		return errors.New("the restored disk differs from the one that was backed up")
	}
	fmt.Println("  the data is the same")
	if err := d.novacron(ctx, "vm", "delete", restored); err != nil {
		return err
	}
	return d.novacron(ctx, "backup", "delete", taken[0].ID)
}
