#!/usr/bin/env bash
# build.sh [OUTPUT]: build the lab's guest image from Debian's packages: $NOVACRON_DATA/lab/guest.qcow2 by default.
#
# A disk of 96 MiB: boot loader, kernel and initramfs in a FAT partition; ext4 for data, mounted at /data; the rest raw,
# for guestd's checksummed blocks. Everything that runs lives in the initramfs. Rebuilt only if its sources changed, or
# with REBUILD=1 (to take newer packages). With MEASURE=1 it also boots once, and says how long that took.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
data=$(realpath -m "${NOVACRON_DATA:-$here/../../../.novacron}")
output=$(realpath -m "${1:-$data/lab/guest.qcow2}")
cache=$data/cache/guest
disk_mib=96 boot_mib=24 data_mib=32
modules="virtio/virtio_ring virtio/virtio virtio/virtio_pci_legacy_dev virtio/virtio_pci_modern_dev virtio/virtio_pci
  block/virtio_blk ../net/core/failover net/net_failover net/virtio_net char/virtio_console virtio/virtio_balloon
  acpi/button input/evdev scsi/scsi_common scsi/scsi_mod scsi/virtio_scsi scsi/sd_mod cdrom/cdrom scsi/sr_mod ../fs/isofs/isofs"

fail() { echo "guest image: $*" >&2; exit 1; }

fetch() { # the packages, into $cache/root
  local kernel packages
  kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/{print $2; exit}')
  if [ -z "$kernel" ]; then
    apt-get update -q >/dev/null || fail "apt-get update failed; the image needs Debian's package lists"
    kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/{print $2; exit}')
  fi
  packages="$kernel busybox-static qemu-guest-agent libglib2.0-0 libnuma1 liburing2 libudev1 libpcre2-8-0 libcap2 libc6"
  rm -rf "$cache"; mkdir -p "$cache/debs" "$cache/root"
  # shellcheck disable=SC2086 # a list of packages
  (cd "$cache/debs" && { apt-get download -q $packages || { apt-get update -q && apt-get download -q $packages; }; }) >"$cache/apt.log" 2>&1 ||
    fail "the packages cannot be downloaded; read $cache/apt.log"
  local package
  for package in "$cache"/debs/*.deb; do dpkg-deb -x "$package" "$cache/root"; done
}

pack() { # the initramfs, into $work/initrd
  local tree=$work/tree root=$cache/root number=10 module library drivers file
  mkdir -p "$tree"/{bin,sbin,dev,proc,sys,run,tmp,data,etc,root,modules,usr/bin,usr/sbin,var,lib64,lib/x86_64-linux-gnu}
  ln -s ../run "$tree/var/run"
  cp "$root/bin/busybox" "$tree/bin/"
  for file in $("$root/bin/busybox" --list); do [ -e "$tree/bin/$file" ] || ln -s busybox "$tree/bin/$file"; done
  cp "$here/shutdown" "$tree/sbin/shutdown"
  cp "$here"/{inittab,rc,dhcp,agent,power,cloudinit} "$tree/etc/"
  chmod 755 "$tree"/{sbin/shutdown,etc/rc,etc/dhcp,etc/agent,etc/power,etc/cloudinit}
  gcc -O2 -static -s -o "$tree/usr/bin/guestd" "$here"/{guestd,memory,disk,speed}.c -lpthread || fail "guestd does not compile"
  gcc -O2 -static -s -o "$tree/init" "$here/init.c" || fail "init does not compile"
  ln -s guestd "$tree/usr/bin/guestctl"
  cp "$root/usr/sbin/qemu-ga" "$tree/usr/sbin/"
  cp -L "$root"/lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
  for library in libudev.so.1 libnuma.so.1 liburing.so.2 libglib-2.0.so.0 libgmodule-2.0.so.0 libm.so.6 libc.so.6 libpcre2-8.so.0; do
    file=$(find "$root/lib" "$root/usr/lib" -name "$library" | head -1)
    cp -L "${file:?$library is in none of the packages}" "$tree/lib/x86_64-linux-gnu/"
  done
  drivers=$(echo "$root"/lib/modules/*/kernel/drivers)
  for module in $modules; do
    number=$((number + 1))
    [ -f "$drivers/$module.ko" ] || continue
    # Without its signature, whose check takes longer under emulation than all the rest of loading it.
    strip --strip-debug -o "$tree/modules/$number-${module##*/}.ko" "$drivers/$module.ko"
  done
  for module in virtio_blk virtio_scsi sd_mod sr_mod isofs virtio_net virtio_console button; do
    ls "$tree"/modules/*"$module.ko" >/dev/null 2>&1 || fail "the kernel package has no module $module"
  done
  (cd "$tree" && find . -print0 | sort -z | cpio -0 -o -H newc -R 0:0 --quiet) | ${INITRD_FILTER:-lz4 -l -9 -q} > "$work/initrd"
}

byte() { printf '%b' "\\x$(printf %02x $(($1 & 255)))"; }
word() { local shift; for shift in 0 8 16 24; do byte $(($1 >> shift)); done; }
partition() { # FLAG TYPE START_SECTOR SECTORS: an entry of a DOS label, whose CHS fields nobody reads
  byte "$1"; printf '\xfe\xff\xff'; byte "$2"; printf '\xfe\xff\xff'; word "$3"; word "$4"
}

lay_out() { # the disk, into $work/disk
  local disk=$work/disk boot=2048 sectors=$((boot_mib * 2048)) file
  truncate -s ${disk_mib}M "$disk"
  dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc bs=440 count=1 status=none
  { partition 0x80 0x06 $boot $sectors; partition 0 0x83 $((boot + sectors)) $((data_mib * 2048)); } |
    dd of="$disk" conv=notrunc bs=1 seek=446 status=none
  printf '\x55\xaa' | dd of="$disk" conv=notrunc bs=1 seek=510 status=none
  mkfs.vfat -F 16 -s 8 --offset $boot "$disk" $((boot_mib * 1024)) >/dev/null 2>&1
  cp "$cache"/root/boot/vmlinuz-* "$work/vmlinuz"
  for file in "$here/syslinux.cfg" "$work/vmlinuz" "$work/initrd"; do
    mcopy -i "$disk@@$((boot * 512))" "$file" "::$(basename "$file")" || fail "the boot partition is too small"
  done
  syslinux --offset $((boot * 512)) --install "$disk"
  mke2fs -q -F -t ext4 -b 1024 -L data -E offset=$(((boot + sectors) * 512)),lazy_itable_init=0 "$disk" $((data_mib * 1024))
  qemu-img convert -O qcow2 "$disk" "$work/guest.qcow2"
}

measure() {
  local began=${EPOCHREALTIME/./} machine deadline=$((SECONDS + 120))
  : > "$work/serial"
  qemu-system-x86_64 -accel tcg -m 128 -nodefaults -display none -serial "file:$work/serial" \
    -drive "file=$output,if=virtio,snapshot=on" 2>"$work/qemu.log" &
  machine=$!
  until grep -q '^ready' "$work/serial"; do
    [ $SECONDS -lt $deadline ] || { kill $machine; fail "it does not boot within two minutes: $(tail -n 3 "$work/qemu.log")"; }
    sleep 0.02
  done
  echo "guest image: ready $(((${EPOCHREALTIME/./} - began) / 1000)) ms after its start"
  kill $machine
}

key=$(cat "$here"/* | sha256sum | cut -d' ' -f1)
mkdir -p "$(dirname "$output")" "$data"
work=$(mktemp -d "$data/guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ -z "${REBUILD:-}" ] && [ -f "$output" ] && [ "$(cat "$output.key" 2>/dev/null)" = "$key" ]; then
  echo "guest image: $output is up to date"
else
  if [ -n "${REBUILD:-}" ] || [ ! -x "$cache/root/usr/sbin/qemu-ga" ] || [ ! -x "$cache/root/bin/busybox" ]; then fetch; fi
  pack
  lay_out
  mv "$work/guest.qcow2" "$output" # a new file: guests that stand on the old one keep it open
  echo "$key" > "$output.key"
  echo "guest image: $output, $(($(stat -c %s "$output") / 1048576)) MiB"
fi
if [ -n "${MEASURE:-}" ]; then measure; fi
