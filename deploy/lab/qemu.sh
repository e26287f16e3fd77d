#!/usr/bin/env bash
# qemu.sh: what a lab host has as qemu-system-x86_64. It makes a guest's memory 8 KiB larger under software emulation.
#
# QEMU before 9.0 loses writes of an emulated guest during live migration: where a block of memory is a multiple of 64
# pages, reading the dirty bitmap takes a fast path that forgets to tell the emulator's TLB ("physmem: Fix migration dirty
# bitmap coherency with TCG memory access", qemu-devel, February 2024). A guest arrives with old pages, and sooner or
# later dies of it: here in every other migration on a busy machine. A block of another size takes the slow path, which
# is right. Hardware virtualisation keeps its dirty bitmap elsewhere and is left alone.
set -euo pipefail
real=/usr/bin/qemu-system-x86_64.real
arguments=() previous=''
for argument in "$@"; do
  if [[ " $* " == *" -accel tcg"[\ ,]* ]]; then
    if [[ $argument =~ ^\{.*\"id\":\"pc\.ram\".*\"size\":([0-9]+) ]]; then
      argument=${argument/\"size\":${BASH_REMATCH[1]}/\"size\":$((BASH_REMATCH[1] + 8192))}
    elif [[ $previous == -m && $argument =~ ^[0-9]+$ ]]; then
      argument=$((argument * 1024 + 8))k
    fi
  fi
  arguments+=("$argument")
  previous=$argument
done
exec -a "$0" "$real" "${arguments[@]}"
