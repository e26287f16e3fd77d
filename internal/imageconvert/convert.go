package imageconvert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/imagefile"
)

const (
	program = "qemu-img"
	// memoryBytes is several times what it needs: 25 MB, the stacks of its threads, and at most 512 MB for the tables of 64 TiB.
	memoryBytes = 2 << 30
	// A conversion may take so much processor time, and a second more for each so many bytes of the file. QEMU reads 64 TiB of
	// nothing in a VHDX of 16 MiB, for hours.
	processorTime  = 10 * time.Minute
	bytesPerSecond = 8 << 20
	sectorBytes    = 512
)

// Job is a disk to convert.
type Job struct {
	File     string         // holds the disk
	Disk     imagefile.Disk // where it is in the file
	To       string         // format of the new file
	Into     string         // path of the new file
	MaxBytes int64          // of the new file
}

// ErrTooLarge is the cause of the fault of a disk that does not fit into MaxBytes.
var ErrTooLarge = errors.New("the converted image is larger than allowed")

// drivers are QEMU's names for the formats.
var drivers = map[string]string{
	imagefile.QCOW2: "qcow2", imagefile.Raw: "raw", imagefile.VMDK: "vmdk", imagefile.VHDX: "vhdx", imagefile.VDI: "vdi", imagefile.VHD: "vpc",
}

// CheckFormat refuses a format that no image can be converted to; the error is fault.Invalid at "format".
func CheckFormat(format string) error {
	if _, known := drivers[format]; !known {
		return fault.Invalid("%.40q is no format of a disk image; take qcow2, raw, vmdk, vhdx, vdi or vhd", format).At("format")
	}
	return nil
}

// Convert makes the new file, and removes what it made of it if that fails. Errors: Unavailable if qemu-img is missing,
// Exhausted without room, Invalid for an image that QEMU does not read or, because of ErrTooLarge, one that is too large.
func Convert(ctx context.Context, job Job) error {
	if err := convert(ctx, job); err != nil {
		_ = os.Remove(job.Into)
		return err
	}
	return nil
}

func convert(ctx context.Context, job Job) error {
	if _, err := exec.LookPath(program); err != nil {
		return fault.Unavailable("this server cannot convert images, since it has no qemu-img: install the package qemu-utils there, or take qcow2 or raw").Because(err)
	}
	input, err := opened(job)
	if err != nil {
		return err
	}
	arguments := []string{
		"--data=" + strconv.Itoa(memoryBytes), "--cpu=" + processorLimit(job.Disk.Bytes), "--core=0", "--fsize=" + strconv.FormatInt(job.MaxBytes, 10), "--",
		program, "convert", "-q", "-O", drivers[job.To],
	}
	if job.To == imagefile.VHD {
		arguments = append(arguments, "-o", "force_size=on") // else the disk is rounded up to a geometry of 1990
	}
	command := exec.CommandContext(ctx, "prlimit", append(arguments, input, job.Into)...)
	command.Env = append(os.Environ(), "LC_ALL=C", "MALLOC_ARENA_MAX=2")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.CombinedOutput()
	if err != nil {
		return explain(ctx, job, errors.Join(err, errors.New(strings.TrimSpace(string(output)))), output)
	}
	return check(job)
}

// processorLimit is the seconds after which the kernel ends the program, and those after which it does so by force.
func processorLimit(fileBytes int64) string {
	seconds := int64(processorTime/time.Second) + fileBytes/bytesPerSecond
	return fmt.Sprintf("%d:%d", seconds, seconds+10)
}

// opened is how QEMU is told to open the disk: as JSON, which names every driver and leaves nothing to be found out.
func opened(job Job) (string, error) {
	driver, known := drivers[job.Disk.Format]
	if !known {
		return "", fault.Internal("an image of format %s cannot be converted", job.Disk.Format)
	}
	file := map[string]any{"driver": "file", "filename": job.File}
	info, err := os.Stat(job.File)
	if err != nil {
		return "", fault.Internal("the image cannot be read back on this server").Because(err)
	}
	if job.Disk.Offset != 0 || job.Disk.Bytes != info.Size() {
		// An archive fills its members up to whole sectors, which is what QEMU counts in.
		rounded := (job.Disk.Bytes + sectorBytes - 1) / sectorBytes * sectorBytes
		file = map[string]any{"driver": "raw", "offset": job.Disk.Offset, "size": rounded, "file": file}
	}
	options := map[string]any{"driver": driver, "file": file}
	if driver != "raw" {
		options["backing"] = nil
	}
	if job.Disk.Format == imagefile.VHD {
		options["force_size_calc"] = "current_size"
	}
	encoded, err := json.Marshal(options)
	if err != nil {
		return "", fault.Internal("the conversion cannot be asked for").Because(err)
	}
	return "json:" + string(encoded), nil
}

func explain(ctx context.Context, job Job, cause error, output []byte) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case bytes.Contains(output, []byte("No space left on device")), bytes.Contains(output, []byte("Disk quota exceeded")):
		return fault.Exhausted("this server has no room to convert the image; free some and try again").Because(cause)
	case bytes.Contains(output, []byte("File too large")), signalled(cause, syscall.SIGXFSZ):
		return fault.Invalid("the image is larger than %d bytes as %s, the most that is allowed here", job.MaxBytes, job.To).Because(errors.Join(ErrTooLarge, cause))
	case signalled(cause, syscall.SIGXCPU):
		return fault.Invalid("the image takes too long to convert, since its disk is very large for its file: convert it with qemu-img convert -O qcow2 and import that").Because(cause)
	}
	return fault.Invalid("the image could not be converted from %s to %s: check that it was copied whole, or convert it with qemu-img convert -O qcow2",
		job.Disk.Format, job.To).Because(cause)
}

func signalled(err error, by syscall.Signal) bool {
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := ended.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == by
}

// check examines the new file as if somebody had sent it.
func check(job Job) error {
	made, err := os.Open(job.Into)
	if err != nil {
		return fault.Internal("the converted image cannot be read back on this server").Because(err)
	}
	defer made.Close()
	info, err := made.Stat()
	if err != nil {
		return fault.Internal("the converted image cannot be read back on this server").Because(err)
	}
	found, err := imagefile.Examine(made, info.Size())
	if err != nil {
		return fault.Internal("the converted image is not fit for use; the server's log has the cause").Because(err)
	}
	if found.Format != job.To || found.Disk.VirtualBytes != job.Disk.VirtualBytes {
		return fault.Internal("the converted image is %s with a disk of %d bytes, not %s with %d",
			found.Format, found.Disk.VirtualBytes, job.To, job.Disk.VirtualBytes)
	}
	return nil
}
