package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// StateVariable names the environment variable that holds the state directory of the lab to use.
const StateVariable = "NOVACRON_LAB"

// guestPort is where guestd of the lab's image listens.
const guestPort = "7000"

// Lab is a lab that is up.
type Lab struct {
	state string // such as .novacron/lab
	run   string // such as /run/nc12ab34
}

// Open finds the lab of a state directory; with "" the one that NOVACRON_LAB names.
func Open(state string) (*Lab, error) {
	if state == "" {
		state = os.Getenv(StateVariable)
	}
	if state == "" {
		return nil, errors.New("no lab: set " + StateVariable + " to the state directory of a lab that is up (make test does)")
	}
	state, err := filepath.Abs(state)
	if err != nil {
		return nil, err
	}
	run, err := os.Readlink(filepath.Join(state, "run"))
	if err != nil {
		return nil, fmt.Errorf("the lab in %s is not up: %w", state, err)
	}
	return &Lab{state: state, run: run}, nil
}

// GuestImage is the path of the guest image that deploy/lab/guest/build.sh made.
func (l *Lab) GuestImage() string { return filepath.Join(l.state, "guest.qcow2") }

// Shared is where the machine has what every host sees as /srv/novacron/shared.
func (l *Lab) Shared() string { return filepath.Join(l.state, "shared") }

// LibvirtURI connects to a host's libvirtd from outside of the host; the path is short enough for a unix socket.
func (l *Lab) LibvirtURI(host string) string {
	return "qemu:///system?socket=" + filepath.Join(l.run, host, "libvirt", "libvirt-sock")
}

// Address is a host's on the hosts' network.
func Address(host string) string {
	number, err := strconv.Atoi(strings.TrimPrefix(host, "h"))
	if err != nil {
		panic("BUG: " + host + " is not the name of a lab host")
	}
	return fmt.Sprintf("10.77.0.%d", 10+number)
}

// On prepares a command that runs on a host.
func (l *Lab) On(ctx context.Context, host, program string, args ...string) *exec.Cmd {
	holder, err := os.ReadFile(filepath.Join(l.run, host, "holder"))
	if err != nil {
		return exec.CommandContext(ctx, "false", "host", host, "is", "off") // fails when it is run
	}
	enter := []string{"-t", strings.TrimSpace(string(holder)), "-m", "-u", "-n", "--", program}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
}

// Process returns the process ID of a supervised program of a host, "libvirtd" or "worker".
func (l *Lab) Process(host, service string) (int, error) {
	text, err := os.ReadFile(filepath.Join(l.run, host, "service", service, "supervise", "pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// Script runs lab.sh of this checkout on this lab, such as Script(ctx, "kill", "h2").
func (l *Lab) Script(ctx context.Context, args ...string) error {
	_, source, _, ok := runtime.Caller(0)
	if !ok {
		return errors.New("the checkout of lab.sh is unknown")
	}
	command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(source), "lab.sh"), args...)
	command.Env = append(os.Environ(), "NOVACRON_DATA="+filepath.Dir(l.state))
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("lab.sh %s: %w: %s", strings.Join(args, " "), err, output)
	}
	return nil
}

// Server runs the script of one of the servers beside a lab, "ceph" or "swift", and returns what it prints; the settings of
// a server that is up are lines of NAME=VALUE. The lab itself need not be up.
func Server(ctx context.Context, name string, words ...string) (string, error) {
	state := os.Getenv(StateVariable)
	_, source, _, ok := runtime.Caller(0)
	if state == "" || !ok {
		return "", errors.New("no lab: set " + StateVariable + " to the state directory of a lab (make test does)")
	}
	command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(source), name+".sh"), words...)
	command.Env = append(os.Environ(), "NOVACRON_DATA="+filepath.Dir(state))
	output, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s.sh %s: %w: %s", name, strings.Join(words, " "), err, failed.Stderr)
	}
	return string(output), err
}

// ServerUp starts the server if it does not run, and returns its settings.
func ServerUp(ctx context.Context, name string) (map[string]string, error) {
	printed, err := Server(ctx, name, "up")
	settings := map[string]string{}
	for line := range strings.Lines(printed) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[key] = value
	}
	return settings, err
}

// SwitchNamespace is the path of the network namespace outside of the VM network.
func (l *Lab) SwitchNamespace() string {
	return filepath.Join("/run/netns", filepath.Base(l.run)+"-sw")
}

// Dial opens a TCP connection from outside of the VM network to a guest.
func (l *Lab) Dial(ctx context.Context, address string) (net.Conn, error) {
	type answer struct {
		connection net.Conn
		err        error
	}
	done := make(chan answer, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, which is in another namespace, ends with this goroutine
		connection, err := dialIn(ctx, l.SwitchNamespace(), address)
		done <- answer{connection, err}
	}()
	result := <-done
	return result.connection, result.err
}

// dialIn makes the socket on this thread, since a socket belongs to the namespace of the thread that makes it; net.Dial
// may do so on another one.
func dialIn(ctx context.Context, namespace, address string) (net.Conn, error) {
	handle, err := os.Open(namespace)
	if err != nil {
		return nil, fmt.Errorf("the lab's switch: %w", err)
	}
	defer handle.Close()
	if err := unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the lab's switch: %w", err)
	}
	target, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(socket), address)
	defer file.Close()
	patience := 10 * time.Second
	if deadline, set := ctx.Deadline(); set {
		patience = time.Until(deadline)
	}
	// The send timeout also bounds connect (socket(7)).
	limit := unix.NsecToTimeval(max(patience, time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return nil, err
	}
	if err := unix.Connect(socket, &unix.SockaddrInet4{Port: target.Port, Addr: [4]byte(target.IP.To4())}); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return net.FileConn(file)
}
