package netfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/pool"
)

const (
	mountTimeout = 30 * time.Second
	aliveTimeout = 3 * time.Second // a file system that takes longer to say how full it is counts as silent
)

// kinds are the file systems as the kernel names them (proc_pid_mountinfo(5)).
var kinds = map[pool.Protocol][]string{
	pool.NFS: {"nfs", "nfs4"}, pool.CIFS: {"cifs", "smb3"}, pool.GlusterFS: {"fuse.glusterfs"}, pool.SSHFS: {"fuse.sshfs"},
}

// ensure sees that the file system is mounted and answers.
func (p *Pool) ensure(ctx context.Context) error {
	is, err := p.inPlace()
	if err != nil {
		return err
	}
	if is {
		switch err := p.alive(ctx); {
		case err == nil:
			return nil
		case !errors.Is(err, unix.ENOTCONN) && !errors.Is(err, unix.ESTALE):
			return fault.Unavailable("the server of pool %s does not answer: see that it runs and can be reached", p.config.Name).Because(err)
		}
		// Whatever has files open here has lost them: what served them is gone.
		if err := unix.Unmount(p.config.Settings.At, unix.MNT_DETACH); err != nil {
			return fault.Unavailable("the dead mount of pool %s cannot be taken away", p.config.Name).Because(err)
		}
	}
	if err := p.mount(ctx); err != nil {
		return err
	}
	if is, err = p.inPlace(); err == nil && !is {
		err = fault.Unavailable("pool %s was mounted, and is not there", p.config.Name)
	}
	return err
}

// inPlace asks the kernel whether the pool's own file system is mounted in its place. Another one there is a Conflict.
func (p *Pool) inPlace() (bool, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, fault.Internal("the kernel does not say what is mounted").Because(err)
	}
	kind, source, found := lastMount(string(content), p.config.Settings.At)
	if !found {
		return false, nil
	}
	for _, each := range kinds[p.config.Settings.Protocol] {
		if kind == each && strings.TrimRight(source, "/") == strings.TrimRight(p.config.Settings.Source, "/") {
			return true, nil
		}
	}
	return false, fault.Conflict("%s of kind %s is mounted at %s, where pool %s belongs: unmount it", source, kind, p.config.Settings.At, p.config.Name)
}

// lastMount finds what was mounted last at a place: what is mounted over something hides it.
func lastMount(mountinfo, place string) (kind, source string, found bool) {
	for line := range strings.Lines(mountinfo) {
		before, after, split := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if split && len(fields) >= 5 && len(rest) >= 2 && unescaped(fields[4]) == place {
			kind, source, found = rest[0], unescaped(rest[1]), true
		}
	}
	return kind, source, found
}

// unescaped undoes what the kernel does to blanks and backslashes.
func unescaped(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}

// alive asks the file system how full it is. One that hangs is left to hang, since nothing can interrupt it, and is not asked
// again before it has answered.
func (p *Pool) alive(ctx context.Context) error {
	select {
	case p.probes <- struct{}{}:
	default:
		return errors.New("it has not answered an earlier question yet")
	}
	answer := make(chan error, 1)
	go func() {
		defer func() { <-p.probes }()
		var stat unix.Statfs_t
		answer <- unix.Statfs(p.config.Settings.At, &stat)
	}()
	select {
	case err := <-answer:
		return err
	case <-time.After(aliveTimeout):
		return fmt.Errorf("no answer within %s", aliveTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pool) mount(ctx context.Context) error {
	at := p.config.Settings.At
	if err := os.MkdirAll(at, 0o755); err != nil {
		return fault.Unavailable("the place %s for pool %s cannot be made", at, p.config.Name).Because(err)
	}
	setImmutable(at, true)
	ctx, stop := context.WithTimeout(ctx, mountTimeout)
	defer stop()
	command, err := p.command(ctx)
	if err != nil {
		return err
	}
	// What goes on in the background keeps its output open: a pipe would be waited for.
	words, err := unix.MemfdCreate("said", unix.MFD_CLOEXEC)
	if err != nil {
		return fault.Internal("there is no room for what mounting says").Because(err)
	}
	output := os.NewFile(uintptr(words), "said")
	defer output.Close()
	command.Stdout, command.Stderr = output, output
	switch err := command.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return fault.Invalid("this host has no %s, which pool %s needs: install its package", command.Args[0], p.config.Name)
	case err != nil && ctx.Err() != nil:
		return fault.Unavailable("the server of pool %s does not answer: see that it runs and can be reached", p.config.Name).Because(err)
	case err != nil:
		return fault.Unavailable("pool %s cannot be mounted: %s", p.config.Name, said(output, err)).Because(err)
	}
	return nil
}

// linesSaid is how many of the last lines of a program are passed on: what it failed at is often not in the very last.
const (
	linesSaid = 3
	mostSaid  = 16 << 10
)

// said is the end of what a program said.
func said(output *os.File, err error) string {
	words := make([]byte, mostSaid)
	count, _ := output.ReadAt(words, 0) // less than was asked for comes with io.EOF
	lines := strings.FieldsFunc(string(words[:count]), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return err.Error()
	}
	return strings.Join(lines[max(0, len(lines)-linesSaid):], "; ")
}

// command is what mounts the file system. Keys are in no argument: those can be seen by everybody on the host.
func (p *Pool) command(ctx context.Context) (*exec.Cmd, error) {
	wanted := p.config.Settings
	with := func(options ...string) string {
		return strings.Join(append(options, strings.Split(wanted.Options, ",")...), ",")
	}
	switch wanted.Protocol {
	case pool.SSHFS:
		if err := p.writeKey(); err != nil {
			return nil, fault.Unavailable("the key of pool %s cannot be laid down for ssh", p.config.Name).Because(err)
		}
		// What is cached here would hide what another host has written.
		return exec.CommandContext(ctx, "sshfs", wanted.Source, wanted.At, "-o", strings.TrimRight(with(
			"sshfs_verbose", "allow_other", "default_permissions", "dir_cache=no", "entry_timeout=0", "attr_timeout=0", "negative_timeout=0",
			"reconnect", "ServerAliveInterval=5", "ServerAliveCountMax=2", "ConnectTimeout=10", "BatchMode=yes", "PasswordAuthentication=no",
			"StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityFile="+p.keyPath(), "UserKnownHostsFile="+p.knownHostsPath(), "GlobalKnownHostsFile=/dev/null",
		), ",")), nil
	case pool.CIFS:
		command := exec.CommandContext(ctx, "mount.cifs", wanted.Source, wanted.At, "-o", strings.TrimRight(with("cache=none", "serverino"), ","))
		command.Env = append(os.Environ(), "PASSWD="+p.config.Key) // mount.cifs(8); only root can see it
		return command, nil
	}
	arguments := []string{"-t", string(wanted.Protocol)}
	if wanted.Options != "" {
		arguments = append(arguments, "-o", wanted.Options)
	}
	return exec.CommandContext(ctx, "mount", append(arguments, wanted.Source, wanted.At)...), nil
}

// unmount takes a mount away that nothing uses.
func unmount(place string) error { return unix.Unmount(place, unix.UMOUNT_NOFOLLOW) }

// immutableFlag is FS_IMMUTABLE_FL of the kernel's fs.h.
const immutableFlag = 0x10

// setImmutable keeps anything from being written into the empty directory below a mount, where its file system can do that;
// elsewhere the marker and the kernel's list of mounts do.
func setImmutable(place string, immutable bool) {
	directory, err := os.Open(place)
	if err != nil {
		return
	}
	defer directory.Close()
	flags, err := unix.IoctlGetInt(int(directory.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return
	}
	flags &^= immutableFlag
	if immutable {
		flags |= immutableFlag
	}
	_ = unix.IoctlSetPointerInt(int(directory.Fd()), unix.FS_IOC_SETFLAGS, flags)
}
