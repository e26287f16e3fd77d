//go:build lab && ceph

package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/libvirt"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/rbd"
	"github.com/novacron/novacron/internal/vm"
)

// patience is how long something that must happen may take on a busy machine.
const patience = 3 * time.Minute

// TestGuestOnCeph boots a guest from a clone of an image in Ceph, moves it to another host while it runs, and starts it
// again after libvirtd was killed: the hypervisor was told its key again.
func TestGuestOnCeph(t *testing.T) {
	place, err := Open("")
	must(t, err)
	pool, secret := cephPool(t)
	disk := cephDisk(t, place, pool)
	hosts := map[string]*libvirt.Driver{}
	for _, name := range []string{"h1", "h2"} {
		hosts[name] = hypervisorOf(t, place, name)
		must(t, hosts[name].KeepSecret(t.Context(), secret))
	}
	definition := hypervisor.Definition{
		VM: id.New[id.VM](), Name: "on-ceph", Spec: vm.Spec{CPUs: 1, MemoryBytes: 128 * vm.MiB}, Disks: []hypervisor.Disk{disk},
	}
	t.Cleanup(func() { vanish(t, hosts, definition.VM) })
	must(t, hosts["h1"].Define(t.Context(), definition))
	must(t, hosts["h1"].Define(t.Context(), definition)) // the same again is no change
	must(t, hosts["h1"].SetPower(t.Context(), definition.VM, hypervisor.On))
	const pattern = "written before the move"
	inGuest(t, hosts["h1"], definition.VM, "echo '"+pattern+"' | /bin/dd of=/dev/vda bs=512 seek=2000000 conv=notrunc,sync,fsync")

	must(t, hosts["h2"].PrepareIncoming(t.Context(), definition.VM))
	must(t, hosts["h1"].StartMigration(t.Context(), hypervisor.Migration{VM: definition.VM, TargetAddress: Address("h2")}))
	eventually(t, "the guest has moved", func() bool {
		status, err := hosts["h1"].MigrationStatus(t.Context(), definition.VM)
		must(t, err)
		if status.Phase != hypervisor.MigrationActive && status.Phase != hypervisor.MigrationDone {
			t.Fatalf("the migration ended as %s: %s", status.Phase, status.Error)
		}
		return status.Phase == hypervisor.MigrationDone
	})
	read := "echo 3 >/proc/sys/vm/drop_caches; /bin/dd if=/dev/vda bs=512 skip=2000000 count=1 2>/dev/null"
	if found := inGuest(t, hosts["h2"], definition.VM, read); !strings.HasPrefix(found, pattern) {
		t.Errorf("after the move the disk has %q", found)
	}

	must(t, hosts["h2"].SetPower(t.Context(), definition.VM, hypervisor.Off))
	daemon, err := place.Process("h2", "libvirtd")
	must(t, err)
	must(t, syscall.Kill(daemon, syscall.SIGKILL))
	eventually(t, "the guest starts again", func() bool { return hosts["h2"].SetPower(t.Context(), definition.VM, hypervisor.On) == nil })
	if found := inGuest(t, hosts["h2"], definition.VM, read); !strings.HasPrefix(found, pattern) {
		t.Errorf("after a new start the disk has %q", found)
	}
}

// cephPool opens the cluster's pool, without a namespace, and the secret that its volumes name.
func cephPool(t *testing.T) (*rbd.Pool, hypervisor.Secret) {
	t.Helper()
	settings, err := ServerUp(t.Context(), "ceph")
	must(t, err)
	secret := hypervisor.Secret{UUID: "0d6a3f0e-5a41-4d3c-9a3f-33f07b0c2d11", User: settings["CEPH_USER"], Key: settings["CEPH_KEY"]}
	runtime, err := os.MkdirTemp("", "ceph") // a short path, for sockets
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	pool, err := rbd.New(rbd.Config{
		Name: "ceph", Monitors: []string{settings["CEPH_MONITORS"]}, Pool: settings["CEPH_POOL"], User: secret.User, Key: secret.Key,
		Secret: secret.UUID, StagingDir: filepath.Join(t.TempDir(), "staging"), RuntimeDir: runtime,
	})
	must(t, err)
	t.Cleanup(pool.Close)
	return pool, secret
}

// cephDisk clones the lab's guest image into a disk of 1 GiB.
func cephDisk(t *testing.T, place *Lab, pool *rbd.Pool) hypervisor.Disk {
	t.Helper()
	file, err := os.Open(place.GuestImage())
	must(t, err)
	defer file.Close()
	digest := sha256.New()
	size, err := io.Copy(digest, file)
	must(t, err)
	image := storage.BaseImage{Image: id.New[id.Image](), SHA256: hex.EncodeToString(digest.Sum(nil)), Format: imagefile.QCOW2, SizeBytes: size}
	must(t, pool.EnsureImage(t.Context(), image, func(context.Context, int64) (io.ReadCloser, error) { return os.Open(place.GuestImage()) }))
	t.Cleanup(func() { check(t, pool.DeleteImage(context.Background(), image.Image)) })
	made, err := pool.CreateVolume(t.Context(), storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 30, Format: imagefile.Raw, Base: image.Image})
	must(t, err)
	t.Cleanup(func() { check(t, pool.DeleteVolume(context.Background(), made.Volume)) })
	return hypervisor.Disk{Volume: made.Volume, Device: "vda", Path: made.Path, Format: made.Format, Shared: true}
}

func hypervisorOf(t *testing.T, place *Lab, name string) *libvirt.Driver {
	t.Helper()
	driver, err := libvirt.New(libvirt.Options{
		URI: place.LibvirtURI(name), Acceleration: libvirt.TCG, MigrationAddress: Address(name), MigrationScheme: "qemu+tcp",
		ExportDirectory: filepath.Join(place.state, "contract", name),
	})
	must(t, err)
	t.Cleanup(func() { _ = driver.Close() })
	return driver
}

// vanish removes the VM from whichever host it is on.
func vanish(t *testing.T, hosts map[string]*libvirt.Driver, machine id.VM) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, driver := range hosts {
		if _, err := driver.Inspect(ctx, machine); err != nil {
			continue
		}
		check(t, driver.AbortMigration(ctx, machine))
		check(t, driver.SetPower(ctx, machine, hypervisor.Off))
		check(t, driver.Undefine(ctx, machine))
	}
}

// inGuest waits for the guest's agent and returns what a shell prints there.
func inGuest(t *testing.T, driver *libvirt.Driver, machine id.VM, line string) string {
	t.Helper()
	eventually(t, "the agent answers", func() bool {
		_, err := driver.GuestInfo(t.Context(), machine)
		return err == nil
	})
	result, err := driver.Run(t.Context(), machine, "/bin/sh", "-c", line)
	must(t, err)
	if result.ExitCode != 0 {
		t.Fatalf("%s in the guest: %+v", line, result)
	}
	return result.Output
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for began := time.Now(); !happened(); time.Sleep(200 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
