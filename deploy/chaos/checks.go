package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/objectstore/swift"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// reconciled is how long the inventory may take to see what happened to a host.
const reconciled = 45 * time.Second

// check compares the inventory with reality until they agree, and returns where they did not when it last could look.
func (s *stand) check(ctx context.Context) []string {
	var wrong []string
	err := until(ctx, reconciled, func(ctx context.Context) error {
		found, err := s.leaks(ctx)
		if err != nil {
			if wrong == nil {
				wrong = []string{err.Error()}
			}
			return err
		}
		for known := range s.before {
			delete(found, known)
		}
		wrong = slices.Sorted(maps.Keys(found))
		if len(wrong) > 0 {
			return fmt.Errorf("%d differences", len(wrong))
		}
		return nil
	})
	if err == nil {
		return nil
	}
	return wrong
}

// inventory is what the API believes.
type inventory struct {
	vms     map[id.VM]vm.VM
	volumes map[id.Volume]volume.Volume
	backups map[id.Backup]backup.Backup
}

func (s *stand) inventory(ctx context.Context) (inventory, error) {
	known := inventory{vms: map[id.VM]vm.VM{}, volumes: map[id.Volume]volume.Volume{}, backups: map[id.Backup]backup.Backup{}}
	machines, err := client.All(func(page client.Page) ([]vm.VM, string, error) {
		return s.api.VMs(ctx, client.VMQuery{Page: page})
	})
	if err != nil {
		return known, err
	}
	for _, each := range machines {
		known.vms[each.ID] = each
	}
	volumes, err := client.All(func(page client.Page) ([]volume.Volume, string, error) {
		return s.api.Volumes(ctx, client.VolumeQuery{Page: page})
	})
	if err != nil {
		return known, err
	}
	for _, each := range volumes {
		known.volumes[each.ID] = each
	}
	taken, err := s.backups(ctx)
	for _, each := range taken {
		known.backups[each.ID] = each
	}
	return known, err
}

func (s *stand) backups(ctx context.Context) ([]backup.Backup, error) {
	return client.All(func(page client.Page) ([]backup.Backup, string, error) { return s.api.Backups(ctx, "", page) })
}

// leaks is every difference between the inventory and the hosts.
func (s *stand) leaks(ctx context.Context) (map[string]bool, error) {
	known, err := s.inventory(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	note := func(format string, args ...any) { found[fmt.Sprintf(format, args...)] = true }
	running := map[id.VM][]string{}
	for _, host := range s.hosts {
		if err := s.domainsOf(ctx, host, known, running, note); err != nil {
			return nil, err
		}
		s.filesOf(host, known, note)
		s.exportsOf(host, note)
	}
	for _, each := range known.vms {
		s.compare(each, running[each.ID], note)
	}
	taken, err := s.snapshots(ctx, known)
	if err == nil {
		err = s.snapshotsIn(ctx, "the shared pool", s.lab.Shared(), taken, note)
	}
	if err != nil {
		return nil, err
	}
	s.volumesIn("the shared pool", s.lab.Shared(), func(disk id.Volume) bool { _, ok := known.volumes[disk]; return ok }, note)
	return found, s.repository(ctx, note)
}

type noter func(format string, args ...any)

func (s *stand) compare(of vm.VM, running []string, note noter) {
	switch {
	case len(running) > 1:
		note("%s runs on %s", of.Name, strings.Join(running, " and "))
	case of.State == vm.Running && len(running) == 0:
		note("%s should run on %s and does not", of.Name, of.HostName)
	case of.State != vm.Running && of.State != vm.Paused && len(running) > 0:
		note("%s is %s in the inventory and runs on %s", of.Name, of.State, running[0])
	case len(running) == 1 && running[0] != of.HostName:
		note("%s is on %s in the inventory and runs on %s", of.Name, of.HostName, running[0])
	}
	if of.Operation != "" {
		note("%s is claimed by %s", of.Name, of.Operation)
	}
}

// domainsOf looks at what libvirt knows on a host: domains and their checkpoints.
func (s *stand) domainsOf(ctx context.Context, host string, known inventory, running map[id.VM][]string, note noter) error {
	defined, err := s.virsh(ctx, host, "list", "--all", "--name")
	if err != nil {
		return err
	}
	active, err := s.virsh(ctx, host, "list", "--name")
	if err != nil {
		return err
	}
	for _, each := range defined {
		machine := id.VM(strings.TrimSpace(each))
		if machine == "" {
			continue
		}
		if slices.Contains(active, each) {
			running[machine] = append(running[machine], host)
		}
		inventoried, ok := known.vms[machine]
		if !ok || inventoried.HostName != host {
			note("domain %s on %s", machine, host)
			continue
		}
		if slices.Contains(active, each) {
			if err := s.disksOf(ctx, host, machine, known, note); err != nil {
				return err
			}
		}
		checkpoints, err := s.virsh(ctx, host, "checkpoint-list", string(machine), "--name")
		if err != nil {
			return err
		}
		for _, name := range checkpoints {
			of, ok := known.backups[id.Backup(strings.TrimSpace(name))]
			if strings.TrimSpace(name) != "" && (!ok || of.VM != machine || !of.Checkpoint) {
				note("checkpoint %s of %s on %s", strings.TrimSpace(name), machine, host)
			}
		}
	}
	return nil
}

// disksOf compares the disks that a running domain has with those that its VM should have.
func (s *stand) disksOf(ctx context.Context, host string, machine id.VM, known inventory, note noter) error {
	plugged, err := s.virsh(ctx, host, "domblklist", string(machine), "--details")
	if err != nil {
		return err
	}
	devices := map[string]bool{}
	for _, line := range plugged {
		if fields := strings.Fields(line); len(fields) >= 4 && fields[1] == "disk" {
			devices[fields[2]] = true
		}
	}
	for _, each := range known.volumes {
		if each.VM != machine {
			continue
		}
		if !devices[each.Device] {
			note("%s should have volume %s as %s and does not", machine, each.ID, each.Device)
		}
		delete(devices, each.Device)
	}
	for device := range devices {
		note("disk %s of %s on %s", device, machine, host)
	}
	return nil
}

// filesOf looks at a host's own disk: volumes, ports, seeds, sockets and scratch files of exports.
func (s *stand) filesOf(host string, known inventory, note noter) {
	state := filepath.Join(s.data, "lab", "hosts", host, "novacron")
	s.volumesIn(host, filepath.Join(state, "pools", "local"), func(disk id.Volume) bool {
		of, ok := known.volumes[disk]
		return ok && of.HostName == host
	}, note)
	ports, _ := filepath.Glob(filepath.Join(state, "networks", "*", "ports", "*")) // the pattern is sound
	for _, each := range ports {
		machine, _, _ := strings.Cut(filepath.Base(each), ".")
		if of, ok := known.vms[id.VM(machine)]; !ok || of.HostName != host {
			note("port of %s on %s", machine, host)
		}
	}
	s.seedsOf(host, filepath.Join(state, "seeds"), known, note)
	exports, _ := os.ReadDir(filepath.Join(state, "exports")) // there is none before the first export
	for _, each := range exports {
		note("export file %s on %s", each.Name(), host)
	}
}

// seedsOf wants a seed for each VM of a host whose guest is told something, and no other.
func (s *stand) seedsOf(host, directory string, known inventory, note noter) {
	files, _ := os.ReadDir(directory) // there is none before the first seed
	here := map[id.VM]bool{}
	for _, each := range files {
		name, ending, _ := strings.Cut(each.Name(), ".")
		of, ok := known.vms[id.VM(name)]
		if !ok || of.HostName != host || of.CloudInit == "" || ending != "iso" {
			note("seed %s on %s", each.Name(), host)
			continue
		}
		here[of.ID] = true
	}
	for _, each := range known.vms {
		if each.HostName == host && each.CloudInit != "" && !here[each.ID] {
			note("%s has no seed on %s", each.Name, host)
		}
	}
}

func (s *stand) volumesIn(where, pool string, known func(id.Volume) bool, note noter) {
	files, _ := os.ReadDir(filepath.Join(pool, "volumes")) // a pool without volumes may lack the directory
	for _, each := range files {
		name, _, _ := strings.Cut(each.Name(), ".")
		if !known(id.Volume(name)) {
			note("volume file %s in %s", each.Name(), where)
		}
	}
}

// exportsOf looks for programs that serve a disk of a host, which end with the step that started them.
func (s *stand) exportsOf(host string, note noter) {
	here, err := os.Stat(filepath.Join(s.data, "lab", "run", host, "holder"))
	if err != nil {
		return // the host is off, and so is all that ran on it
	}
	names, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is sound
	for _, each := range names {
		name, err := os.ReadFile(each)
		if err != nil || strings.TrimSpace(string(name)) != "qemu-nbd" {
			continue
		}
		if its, err := os.Stat(filepath.Join(filepath.Dir(each), "root", "run", "holder")); err == nil && os.SameFile(here, its) {
			note("process qemu-nbd %s on %s", filepath.Base(filepath.Dir(each)), host)
		}
	}
}

// objects opens where backups are: in Swift if the stack was brought up with it, else in the directory that hosts share.
func (s *stand) objects() (objectstore.Store, error) {
	content, err := os.ReadFile(filepath.Join(s.data, "swift.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return dir.New(filepath.Join(s.data, "lab", "backups"))
	}
	place := objectstore.SwiftPlace{}
	if err == nil {
		err = json.Unmarshal(content, &place)
	}
	if err != nil {
		return nil, err
	}
	place.Container = "backups"
	return swift.New(swift.Config{SwiftPlace: place})
}

// repository looks for what belongs to no backup of the inventory.
func (s *stand) repository(ctx context.Context, note noter) error {
	objects, err := s.objects()
	if err != nil {
		return err
	}
	opened, err := backuprepo.Open(ctx, objects)
	if err != nil {
		return err
	}
	unknown, err := opened.Unreferenced(ctx, func(ctx context.Context) ([]id.Backup, error) {
		taken, err := s.backups(ctx)
		ids := make([]id.Backup, 0, len(taken))
		for _, each := range taken {
			ids = append(ids, each.ID)
		}
		return ids, err
	})
	for _, each := range unknown {
		note("%d objects of backup %s in the repository", each.Objects, each.Backup)
	}
	return err
}
