#!/usr/bin/env bash
# build.sh: NovaCron's own binaries into ./bin. A binary that comes out the same keeps its file, so that nothing restarts
# for nothing; one that differs gets a new file, because the old one may be running.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"
mkdir -p "$bin"

# build NAME [FLAG...]
build() {
  local name=$1
  shift
  go build -ldflags '-s -w' "$@" -o "$bin/$name.new" "./cmd/$name"
  if cmp -s "$bin/$name.new" "$bin/$name"; then rm "$bin/$name.new"; else mv "$bin/$name.new" "$bin/$name"; fi
}

note "NovaCron: server, worker and command line"
CGO_ENABLED=0 build novacron
CGO_ENABLED=0 build novacron-server
# The binding finds libvirt at run time, so one worker binary serves hosts with different versions of it. librbd has to be
# there to build with; a worker without it says so when it is to open a pool of Ceph. Debian 12 has Ceph 16.
tags=libvirt_dlopen
[[ ! -e /usr/include/rbd/librbd.h ]] || tags+=,ceph,pacific
build novacron-worker -tags "$tags"
