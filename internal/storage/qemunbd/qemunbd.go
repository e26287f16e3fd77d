package qemunbd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	exportName     = "disk"
	socketSuffix   = ".sock"
	maxSocketBytes = 107              // of a unix socket's path: unix(7)
	serveWithin    = 20 * time.Second // from start to the first greeting
	stopWithin     = 60 * time.Second // for the last writes to reach the disk
)

// Disk is what is to be served.
type Disk struct {
	Directory string   // for the socket; made if it is missing
	Arguments []string // of qemu-nbd: how it opens the disk, such as --format=raw and a path
	Writable  bool
	Secrets   map[string]string // objects that the arguments name, never seen among the arguments of the process
}

// MaxDirectoryBytes leaves room for a socket's name in the 107 bytes of a unix socket's path: unix(7).
const MaxDirectoryBytes = maxSocketBytes - len("/0123456789abcdef") - len(socketSuffix)

// Serve starts serving and returns once clients can connect. stop waits until what was written has reached the disk; it is
// called when ctx ends, and can be called again. An error is *Refusal if qemu-nbd itself gave a reason.
func Serve(ctx context.Context, disk Disk) (socket, export string, stop func() error, err error) {
	if err := os.MkdirAll(disk.Directory, 0o700); err != nil {
		return "", "", nil, err
	}
	socket = filepath.Join(disk.Directory, randomName()+socketSuffix)
	arguments := []string{
		"--socket=" + socket, "--export-name=" + exportName, "--persistent", "--shared=16", "--discard=unmap", "--detect-zeroes=unmap",
	}
	if !disk.Writable {
		arguments = append(arguments, "--read-only")
	}
	secrets, inherited, err := hide(disk.Secrets)
	if err != nil {
		return "", "", nil, err
	}
	server := startServer(slices.Concat(arguments, secrets, disk.Arguments), inherited)
	if err := server.awaitGreeting(ctx, socket); err != nil {
		_ = server.end()
		_ = os.Remove(socket)
		if ctx.Err() != nil {
			return "", "", nil, ctx.Err()
		}
		return "", "", nil, &Refusal{Words: strings.TrimSpace(server.output.String()), Cause: err}
	}
	end := sync.OnceValue(func() error {
		err := server.end()
		_ = os.Remove(socket)
		return err
	})
	unwatch := context.AfterFunc(ctx, func() { _ = end() })
	return socket, exportName, func() error { unwatch(); return end() }, nil
}

// firstInherited is the descriptor that a process's first inherited file has: see exec.Cmd.
const firstInherited = 3

// hide puts secrets into files in memory that qemu-nbd inherits, so that they never reach a disk or a list of processes.
func hide(secrets map[string]string) (arguments []string, files []*os.File, err error) {
	for name, value := range secrets {
		descriptor, err := unix.MemfdCreate("secret", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, nil, errors.Join(err, closeAll(files))
		}
		arguments = append(arguments, fmt.Sprintf("--object=secret,id=%s,file=/dev/fd/%d", name, firstInherited+len(files)))
		files = append(files, os.NewFile(uintptr(descriptor), "secret"))
		if _, err := files[len(files)-1].WriteString(value); err != nil {
			return nil, nil, errors.Join(err, closeAll(files))
		}
	}
	return arguments, files, nil
}

func closeAll(files []*os.File) error {
	var failures error
	for _, file := range files {
		failures = errors.Join(failures, file.Close())
	}
	return failures
}

// Refusal is why qemu-nbd does not serve a disk.
type Refusal struct {
	Words string // what it said
	Cause error
}

func (r *Refusal) Error() string { return fmt.Sprintf("%v: %s", r.Cause, r.Words) }

// Unwrap returns what was seen of qemu-nbd.
func (r *Refusal) Unwrap() error { return r.Cause }

// InUse reports whether somebody else has the disk open. These are QEMU's words when its image lock is held:
// util/osdep.c and block/file-posix.c.
func (r *Refusal) InUse() bool { return strings.Contains(r.Words, "lock") }

// RemoveDeadSockets clears away the sockets in a directory whose qemu-nbd was killed: they refuse connections.
func RemoveDeadSockets(directory string) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		// A socket that is being made refuses for an instant too.
		if err != nil || filepath.Ext(entry.Name()) != socketSuffix || time.Since(info.ModTime()) < time.Second {
			continue
		}
		path := filepath.Join(directory, entry.Name())
		connection, err := net.DialTimeout("unix", path, time.Second)
		if errors.Is(err, unix.ECONNREFUSED) {
			_ = os.Remove(path)
		}
		if err == nil {
			connection.Close()
		}
	}
}

// server is a running qemu-nbd.
type server struct {
	process *os.Process
	output  bytes.Buffer // what it said; read only once ended is closed
	ended   chan struct{}
	failure error
}

// startServer starts qemu-nbd from a thread that lives as long as it does: the kernel sends the parent-death signal when
// the thread that started a child ends, and Go ends threads at its pleasure. The inherited files are closed here.
func startServer(arguments []string, inherited []*os.File) *server {
	server := &server{ended: make(chan struct{})}
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(server.ended)
		command := exec.Command("qemu-nbd", arguments...)
		command.Env = append(os.Environ(), "LC_ALL=C")
		command.Stdout, command.Stderr = &server.output, &server.output
		command.ExtraFiles = inherited
		command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		server.failure = command.Start()
		_ = closeAll(inherited) // the child has its own
		if server.failure != nil {
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

// pause waits a little; it returns ctx's error if that ends first.
func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func randomName() string { return strings.ToLower(rand.Text()[:16]) }
