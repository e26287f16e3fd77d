package local

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

const (
	exportName     = "disk"
	socketSuffix   = ".sock"
	maxSocketBytes = 107              // of a unix socket's path: unix(7)
	serveWithin    = 20 * time.Second // from start to the first greeting
	stopWithin     = 60 * time.Second // for the last writes to reach the disk
)

// ServeVolume implements storage.Exporter with a qemu-nbd of its own, which dies with this process. Conflict if a VM or
// another export has the volume open.
func (p *Pool) ServeVolume(ctx context.Context, volume id.Volume, writable bool) (socket, export string, stop func() error, err error) {
	found, err := p.InspectVolume(ctx, volume)
	if err != nil {
		return "", "", nil, err
	}
	if err := os.MkdirAll(p.config.RuntimeDir, 0o700); err != nil {
		return "", "", nil, p.config.ioFault("make the directory for sockets of", err)
	}
	socket = filepath.Join(p.config.RuntimeDir, randomName()+socketSuffix)
	arguments := []string{
		"--socket=" + socket, "--export-name=" + exportName, "--format=" + found.Format, "--persistent", "--shared=16",
		"--cache=writeback", "--aio=threads", "--discard=unmap", "--detect-zeroes=unmap",
	}
	if !writable {
		arguments = append(arguments, "--read-only")
	}
	server := startServer(append(arguments, found.Path))
	if err := server.awaitGreeting(ctx, socket); err != nil {
		_ = server.end()
		_ = remove(socket)
		if ctx.Err() != nil {
			return "", "", nil, ctx.Err()
		}
		return "", "", nil, serveFault(volume, p.config.Name, err, server.output.String())
	}
	end := sync.OnceValue(func() error {
		err := server.end()
		_ = remove(socket)
		if writable && err == nil {
			err = syncFile(found.Path)
		}
		if err != nil {
			return fault.Unavailable("what was written to volume %s may not have reached the disk: write it again", volume).Because(err)
		}
		return nil
	})
	unwatch := context.AfterFunc(ctx, func() { _ = end() })
	return socket, exportName, func() error { unwatch(); return end() }, nil
}

func serveFault(volume id.Volume, pool string, err error, output string) error {
	cause := errors.Join(err, errors.New(strings.TrimSpace(output)))
	// QEMU's words when its image lock is held: util/osdep.c and block/file-posix.c.
	if strings.Contains(output, "lock") {
		return fault.Conflict("volume %s is in use: stop its VM, or wait for the backup or restore that reads it", volume).Because(cause)
	}
	return fault.Unavailable("volume %s of pool %s could not be served: see this host's log", volume, pool).Because(cause)
}

// server is a running qemu-nbd.
type server struct {
	process *os.Process
	output  bytes.Buffer // what it said; read only once ended is closed
	ended   chan struct{}
	failure error
}

// startServer starts qemu-nbd from a thread that lives as long as it does: the kernel sends the parent-death signal when
// the thread that started a child ends, and Go ends threads at its pleasure.
func startServer(arguments []string) *server {
	server := &server{ended: make(chan struct{})}
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(server.ended)
		command := exec.Command("qemu-nbd", arguments...)
		command.Env = append(os.Environ(), "LC_ALL=C")
		command.Stdout, command.Stderr = &server.output, &server.output
		command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		if server.failure = command.Start(); server.failure != nil {
			close(started)
			return
		}
		server.process = command.Process
		close(started)
		server.failure = command.Wait()
	}()
	<-started
	return server
}

// awaitGreeting waits until the server answers on its socket, which it does once it has opened the volume.
func (s *server) awaitGreeting(ctx context.Context, socket string) error {
	deadline := time.Now().Add(serveWithin)
	for {
		select {
		case <-s.ended:
			return errors.Join(errors.New("qemu-nbd ended early"), s.failure)
		default:
		}
		if err := greet(socket); err == nil {
			return nil
		} else if time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// greet reads the first bytes of NBD's newstyle handshake:
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
func greet(socket string) error {
	connection, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	magic := make([]byte, 8)
	if _, err := io.ReadFull(connection, magic); err != nil {
		return err
	}
	if string(magic) != "NBDMAGIC" {
		return errors.New("no NBD server answers")
	}
	return nil
}

// end asks the server to finish and waits: on SIGTERM qemu-nbd writes back and flushes before it exits.
func (s *server) end() error {
	if s.process == nil {
		return s.failure
	}
	_ = s.process.Signal(unix.SIGTERM)
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-s.ended:
		return s.failure
	case <-timer.C:
		_ = s.process.Kill()
		<-s.ended
		return errors.New("qemu-nbd did not end in time")
	}
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
