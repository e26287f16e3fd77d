package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backuprepo"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	objectfake "github.com/novacron/novacron/internal/objectstore/fake"
	"github.com/novacron/novacron/internal/operation"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
)

// childVariable makes the test binary a host's worker; its value is a child as JSON.
const childVariable = "NOVACRON_WORKER_CHILD"

// child is a host's worker in a process of its own, which can be killed.
type child struct {
	Name, Address, Server, Token, Temporal, State string

	Stall string // a call of its pool that never returns
}

// beChild works until SIGTERM and prints each call of the pool.
func beChild(asked string) int {
	var of child
	if err := json.Unmarshal([]byte(asked), &of); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	repository, err := backuprepo.Open(ctx, objectfake.New())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	made := newFakeHost(hypervisorfake.NewCluster(), of.Name, netip.MustParseAddr(of.Address), storagefake.New(storagefake.Config{Name: "shared", Shared: true}))
	made.local.Before = func(call, _ string) error {
		fmt.Println(call)
		if call == of.Stall {
			select {}
		}
		return nil
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := made.worker(of.Server, of.Token, of.Temporal, of.State, repository, log).Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// running is a child at work.
type running struct {
	process *exec.Cmd
	calls   chan string // of its pool, as they happen
}

func (c child) start(t *testing.T, p *plant) *running {
	t.Helper()
	encoded, err := json.Marshal(c)
	must(t, err)
	started := &running{process: exec.Command(os.Args[0]), calls: make(chan string, 1000)}
	started.process.Env = append(os.Environ(), childVariable+"="+string(encoded))
	started.process.Stderr = p.log
	started.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := started.process.StdoutPipe()
	must(t, err)
	must(t, started.process.Start())
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			started.calls <- lines.Text()
		}
		close(started.calls)
	}()
	t.Cleanup(func() { _ = started.process.Process.Kill() })
	return started
}

// awaitCall waits until the child's pool is asked for something.
func (r *running) awaitCall(t *testing.T, wanted string) {
	t.Helper()
	for limit := time.After(soon); ; {
		select {
		case call, alive := <-r.calls:
			if !alive {
				t.Fatalf("the worker ended before its pool was asked to %s", wanted)
			}
			if call == wanted {
				return
			}
		case <-limit:
			t.Fatalf("the worker's pool was not asked to %s within %s", wanted, soon)
		}
	}
}

// TestKilledWorkerTakesItsActivityUpAtOnce kills a host's worker in the middle of an activity. Without the journal, the
// second attempt would begin when the heartbeat is missed, half a minute later.
func TestKilledWorkerTakesItsActivityUpAtOnce(t *testing.T) {
	killInTheMiddle(t, "h3", "127.77.0.13", false)
}

// TestKilledWorkerTakesUpWhatItHadNotWrittenDown kills it before the journal has the activity that it was handed.
func TestKilledWorkerTakesUpWhatItHadNotWrittenDown(t *testing.T) {
	killInTheMiddle(t, "h8", "127.77.0.18", true)
}

func killInTheMiddle(t *testing.T, name, address string, unwritten bool) {
	p := usePlant(t)
	of := child{
		Name: name, Address: address, Server: p.http.URL, Token: p.enrolment(t), Temporal: p.temporal.address,
		State: filepath.Join(t.TempDir(), name), Stall: "EnsureImage",
	}
	first := of.start(t, p)
	await(t, soon, name+" has reported", func() bool {
		found, err := p.store.GetHost(t.Context(), name)
		return err == nil && found.Use.MemoryUsedBytes > 0
	})
	making := p.begin(t, http.MethodPost, "/vms", creation("killed-on-"+name, name, "local"))
	first.awaitCall(t, "EnsureImage")
	must(t, first.process.Process.Kill())
	_ = first.process.Wait()
	left, err := os.ReadDir(filepath.Join(of.State, "activities"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%d activities are in the journal of the killed worker (%v), not one", len(left), err)
	}
	if unwritten {
		must(t, os.Remove(filepath.Join(of.State, "activities", left[0].Name())))
	}

	of.Token, of.Stall = "", "" // an enrolment token works once; the identity is in the state directory
	second := of.start(t, p)
	began := time.Now()
	second.awaitCall(t, "EnsureImage")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the second attempt began %s after the worker was started again", took)
	} else {
		t.Logf("the second attempt began %s after the worker was started again", took)
	}
	ended := p.ended(t, making.ID)
	if ended.State != operation.Succeeded {
		t.Fatalf("the operation %s: %+v", ended.State, ended.Error)
	}
	lane := stepOf(t, p.timeline(t, making.ID), "fetch_image")
	if lane.Attempts != 2 || !strings.Contains(lane.Error, "killed and has started again") {
		t.Errorf("the timeline does not tell of the lost attempt: %d attempts, %q", lane.Attempts, lane.Error)
	}
	if left, err := os.ReadDir(filepath.Join(of.State, "activities")); err != nil || len(left) != 0 {
		t.Errorf("%d activities are left in the journal (%v)", len(left), err)
	}
	must(t, second.process.Process.Signal(syscall.SIGTERM))
	if err := second.process.Wait(); err != nil {
		t.Errorf("a worker that is told to stop ends with %v", err)
	}
}

// TestStoppedWorkerLeavesItsActivityToTheNext tells a worker to stop that is in the middle of something deaf.
func TestStoppedWorkerLeavesItsActivityToTheNext(t *testing.T) {
	p := usePlant(t)
	of := child{
		Name: "h4", Address: "127.77.0.14", Server: p.http.URL, Token: p.enrolment(t), Temporal: p.temporal.address,
		State: filepath.Join(t.TempDir(), "h4"), Stall: "EnsureImage",
	}
	first := of.start(t, p)
	await(t, soon, "h4 has reported", func() bool {
		found, err := p.store.GetHost(t.Context(), "h4")
		return err == nil && found.Use.MemoryUsedBytes > 0
	})
	making := p.begin(t, http.MethodPost, "/vms", creation("stopped", "h4", "local"))
	first.awaitCall(t, "EnsureImage")
	began := time.Now()
	must(t, first.process.Process.Signal(syscall.SIGTERM))
	if err := first.process.Wait(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("it ended after %s with %v", time.Since(began), err)
	}
	of.Token, of.Stall = "", ""
	second := of.start(t, p)
	if ended := p.ended(t, making.ID); ended.State != operation.Succeeded {
		t.Fatalf("the operation %s: %+v", ended.State, ended.Error)
	}
	must(t, second.process.Process.Signal(syscall.SIGTERM))
	_ = second.process.Wait()
}
