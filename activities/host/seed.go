package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// SeedSource reads from the control plane what a VM's guest is told. It is in no request, so that no workflow's history has it.
type SeedSource func(ctx context.Context, machine id.VM) (cloudinit.Instance, error)

// Seeds keeps the seeds of the VMs that are defined on a host, one file each.
type Seeds struct {
	directory string // the same on every host, since a domain that migrates brings the path along
	read      SeedSource
}

// NewSeeds keeps seeds in a directory.
func NewSeeds(directory string, read SeedSource) *Seeds {
	return &Seeds{directory: directory, read: read}
}

const (
	seedSuffix     = ".iso"
	newSeedSuffix  = ".new"
	seedsMode      = 0o711 // the hypervisor's user finds the file whose name it knows
	seedFileMode   = 0o600 // libvirt gives it to that user while the VM is on
	cannotKeepSeed = "the seed of VM %s cannot be kept on this host: check the file system of the worker's state directory"
)

func (s *Seeds) path(machine id.VM) string {
	return filepath.Join(s.directory, string(machine)+seedSuffix)
}

// Make writes a VM's seed and returns its path. One that is there and the same stays untouched: a guest may have it open.
func (s *Seeds) Make(ctx context.Context, machine id.VM) (string, error) {
	told, err := s.read(ctx, machine)
	if err != nil {
		return "", err
	}
	seed, err := told.Seed()
	if err != nil {
		return "", err
	}
	path := s.path(machine)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, seed) {
		return path, nil
	}
	err = os.MkdirAll(s.directory, seedsMode)
	if err == nil {
		err = os.Chmod(s.directory, seedsMode) // whatever the umask is
	}
	if err == nil {
		err = writeWhole(path, seed)
	}
	if err != nil {
		return "", fault.Unavailable(cannotKeepSeed, machine).Because(err)
	}
	return path, nil
}

// writeWhole puts a file in place whole or not at all.
func writeWhole(path string, content []byte) error {
	file, err := os.OpenFile(path+newSeedSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, seedFileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(path+newSeedSuffix, path)
}

// Remove takes a VM's seed away, with what an interrupted Make left; a missing one is fine.
func (s *Seeds) Remove(machine id.VM) error {
	for _, path := range []string{s.path(machine), s.path(machine) + newSeedSuffix} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Unavailable(cannotKeepSeed, machine).Because(err)
		}
	}
	return nil
}

// List returns the VMs that have a seed here, finished or not.
func (s *Seeds) List() ([]id.VM, error) {
	entries, err := os.ReadDir(s.directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var machines []id.VM
	for _, each := range entries {
		name, _, _ := strings.Cut(each.Name(), ".")
		if machine, err := id.Parse[id.VM](name); err == nil {
			machines = append(machines, machine)
		}
	}
	return machines, nil
}

// MakeSeed writes the seed of a VM that is about to arrive here.
func (a *Activities) MakeSeed(ctx context.Context, in MachineRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, err = a.Seeds.Make(ctx, in.VM)
	return err
}
