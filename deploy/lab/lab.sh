#!/usr/bin/env bash
# lab.sh: simulated hosts h1..hN with real libvirt and QEMU on this one machine. See README.md beside it.
#
#   lab.sh up N [--no-worker] [--enrol COMMAND]   bring up hosts 1 to N; safe to repeat
#   lab.sh kill H        power cut: everything on the host dies at once, its network and /run vanish, its disks stay
#   lab.sh start H       switch a host on again
#   lab.sh sh H [CMD…]   run a command (or a shell) on a host
#   lab.sh outside CMD…  run a command in the switch's namespace: a client outside of the VM network, 10.90.255.254
#   lab.sh guest ADDRESS WORDS…  ask a guest of the lab's image from there, such as: guest 10.90.0.2 dirty 64 20
#   lab.sh status        what runs
#   lab.sh env           the lab's names as shell assignments
#   lab.sh down          stop everything, keep the hosts' disks
#
# State is under $NOVACRON_DATA/lab (./.novacron/lab). COMMAND prints a one-time enrolment token on each call; by default
# it is the server's own, where $NOVACRON_DATABASE_URL says which inventory to enrol in.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
repo=$(realpath "$here/../..")
data=$(realpath -m "${NOVACRON_DATA:-$repo/.novacron}")
lab=$data/lab
# The tag keeps labs of two data directories apart, and the paths of sockets short (a unix socket's is at most 107 bytes).
tag=nc$(printf %s "$lab" | sha256sum | cut -c1-6)
run=/run/$tag
switch=$tag-sw
vni=100
outside_address=10.90.255.254/16

fail() { echo "lab: $*" >&2; exit 1; }
usage() { sed -n '3,13p' "$here/lab.sh" | sed 's/^#//' >&2; exit 2; }

# --- names and addresses ---

number_of() {
  [[ $1 =~ ^h([1-9]|[1-7][0-9])$ ]] || fail "\"$1\" is not a host of the lab; hosts are h1 to h79"
  echo "${BASH_REMATCH[1]}"
}
address_of() { echo "10.77.0.$((10 + $1))"; }
namespace_of() { echo "$tag-$1"; }
exists() { [ -e "/run/netns/$1" ]; }
known_hosts() { if [ -d "$lab/hosts" ]; then find "$lab/hosts" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V; fi; }
# The holder is the first process of a host (its runsvdir); any other will do to enter its namespaces.
holder_of() {
  local pid namespace; namespace=$(namespace_of "$1")
  pid=$(cat "$run/$1/holder" 2>/dev/null || true)
  if [ -n "$pid" ] && [ "$(ip netns identify "$pid" 2>/dev/null)" = "$namespace" ]; then echo "$pid"; fi
}
supervised() { # HOST SERVICE: its process id, empty if it does not run
  local pid; pid=$(cat "$run/$1/service/$2/supervise/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo "$pid"; fi
}
in_host() { # HOST CMD…
  local pid; pid=$(holder_of "$1"); shift
  [ -n "$pid" ] || fail "that host is off; start it with: lab.sh start"
  exec nsenter -t "$pid" -m -u -n -- "$@"
}

# --- the switch: a namespace with the hosts' bridge, the way to the control plane and the outside of the VM network ---

# ceph_forwards: ways to the cluster of ceph.sh, whose programs take ports as they start.
ceph_forwards() {
  local port=${NOVACRON_CEPH_PORT:-6780} offset
  for offset in {0..29}; do
    printf -- '-forward 10.77.0.1:%d=10.77.0.1:%d ' $((port + offset)) $((port + offset))
  done
}

switch_up() {
  if ! exists "$switch"; then
    ip netns add "$switch"
    ip -n "$switch" link set lo up
    ip -n "$switch" link add br0 type bridge
    ip -n "$switch" addr add 10.77.0.1/24 dev br0
    ip -n "$switch" link set br0 up
    ip -n "$switch" link add outside mtu 1450 type vxlan id $vni local 10.77.0.1 dstport 4789 learning
    ip -n "$switch" addr add $outside_address dev outside
    ip -n "$switch" link set outside up
  fi
  local binary=$repo/bin/lab-gateway
  if [ ! -x "$binary" ] || [ -n "$(find "$here/gateway" -name '*.go' -newer "$binary")" ]; then
    (cd "$repo" && go build -o "$binary" ./deploy/lab/gateway) || fail "the gateway does not build"
  fi
  mkdir -p "$run/sw/service/gateway"
  local swift; swift=${NOVACRON_SWIFT_PORT:-$(cat "$lab/swift/port" 2>/dev/null || echo 8888)}
  local before; before=$(cat "$run/sw/service/gateway/run" 2>/dev/null || true)
  cat > "$run/sw/service/gateway/run" <<SCRIPT
#!/bin/sh
exec $binary -namespace /run/netns/$switch \\
  -forward 10.77.0.1:8080=${NOVACRON_LISTEN:-127.0.0.1:8080} \\
  -forward 10.77.0.1:7233=${NOVACRON_TEMPORAL_ADDRESS:-127.0.0.1:7233} \\
  -forward 10.77.0.1:2022=127.0.0.1:${NOVACRON_SSHFS_PORT:-2022} \\
  -forward 10.77.0.1:$swift=10.77.0.1:$swift \\
  $(ceph_forwards) >>$lab/gateway.log 2>&1
SCRIPT
  chmod +x "$run/sw/service/gateway/run"
  local pid; pid=$(cat "$run/sw/holder" 2>/dev/null || true)
  if [ -z "$pid" ] || ! grep -q "$run/sw/service" "/proc/$pid/cmdline" 2>/dev/null; then
    setsid sh -c "cd $run/sw && echo \$\$ > holder && exec runsvdir -P $run/sw/service" </dev/null >/dev/null 2>&1 9>&- &
  elif [ -n "$(supervised sw gateway)" ] && [[ $before != "$(cat "$run/sw/service/gateway/run")" ||
    $(readlink "/proc/$(supervised sw gateway)/exe") == *"(deleted)" ]]; then
    sv restart "$run/sw/service/gateway" >/dev/null
  fi
}

# The gateway's processes are in the machine's own network namespace, so they are told by their working directory.
switch_down() {
  local entry pid
  for entry in /proc/[0-9]*; do
    if [[ $(readlink "$entry/cwd" 2>/dev/null) == "$run/sw"* ]]; then kill -9 "${entry#/proc/}" 2>/dev/null || true; fi
  done
  if exists "$switch"; then
    for pid in $(ip netns pids "$switch" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$switch"
  fi
}

# --- one host ---

# write_identity HOST NUMBER: what makes the host itself, and what it shares with the others
write_identity() {
  local host=$1 number=$2 directory=$lab/hosts/$1 hash other
  mkdir -p "$directory"/{etc/libvirt,lib/libvirt,cache/libvirt,log/libvirt,log/novacron,novacron} \
    "$lab/shared" "$lab/backups"
  hash=$(printf %s "$tag/$host" | sha256sum | cut -c1-32)
  echo "$hash" > "$directory/etc/machine-id"
  : > "$directory/etc/resolv.conf" # a name server that does not answer would stall libvirt's first call by 8 s
  { echo "127.0.0.1 localhost"; for other in $(seq 1 79); do echo "$(address_of "$other") h$other"; done; } > "$directory/etc/hosts"
  sed -e "s/@address@/$(address_of "$number")/" \
    -e "s/@uuid@/${hash:0:8}-${hash:8:4}-4${hash:13:3}-8${hash:17:3}-${hash:20:12}/" \
    "$here/libvirtd.conf" > "$directory/etc/libvirt/libvirtd.conf"
  sed -e "s/@address@/$(address_of "$number")/" "$here/qemu.conf" > "$directory/etc/libvirt/qemu.conf"
}

# write_services HOST NUMBER: what runit keeps running there. They live in the host's /run, so a power cut drops them.
write_services() {
  local host=$1 number=$2 services=$run/$1/service
  mkdir -p "$run/$host/lock" "$services/libvirtd" "$services/worker/log"
  printf '#!/bin/sh\nexec libvirtd --listen -p /run/libvirtd.pid >>/var/log/libvirt/libvirtd.out 2>&1\n' > "$services/libvirtd/run"
  cat > "$services/worker/run" <<SCRIPT
#!/bin/sh
[ ! -s /var/lib/novacron/worker.json ] && [ -s /var/lib/novacron/enrol-token ] && export NOVACRON_ENROL_TOKEN="\$(cat /var/lib/novacron/enrol-token)"
exec env NOVACRON_SERVER=http://10.77.0.1:8080 NOVACRON_TEMPORAL_ADDRESS=10.77.0.1:7233 \\
  NOVACRON_STATE=/var/lib/novacron NOVACRON_LIBVIRT_URI=qemu:///system NOVACRON_REPOSITORY=/srv/novacron/backups \\
  NOVACRON_MIGRATION_ADDRESS=$(address_of "$number") NOVACRON_EXTRA_PEERS=10.77.0.1 \\
  NOVACRON_ACCELERATION=${NOVACRON_ACCELERATION:-tcg} NOVACRON_MIGRATION_SCHEME=qemu+tcp \\
  $repo/bin/novacron-worker 2>&1
SCRIPT
  printf '#!/bin/sh\nexec svlogd -tt /var/log/novacron\n' > "$services/worker/log/run"
  chmod +x "$services"/*/run "$services/worker/log/run"
  if [ -e "$lab/hosts/$host/no-worker" ]; then touch "$services/worker/down"; else rm -f "$services/worker/down"; fi
}

host_up() {
  local host=$1 number namespace directory=$lab/hosts/$1
  number=$(number_of "$host"); namespace=$(namespace_of "$host")
  [ -n "$(holder_of "$host")" ] || host_off "$host" # half there is not there
  write_identity "$host" "$number"
  write_services "$host" "$number"
  if ! exists "$namespace"; then
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    ip -n "$switch" link add "p$number" type veth peer name eth0 netns "$namespace"
    ip -n "$switch" link set "p$number" master br0 up
    ip -n "$namespace" addr add "$(address_of "$number")/24" dev eth0
    ip -n "$namespace" link set eth0 up
    ip netns exec "$switch" bridge fdb replace 00:00:00:00:00:00 dev outside dst "$(address_of "$number")" self permanent 2>/dev/null ||
      ip netns exec "$switch" bridge fdb append 00:00:00:00:00:00 dev outside dst "$(address_of "$number")" self permanent 2>/dev/null || true
  fi
  if [ -z "$(holder_of "$host")" ]; then
    ip netns exec "$namespace" setsid unshare --mount --uts --propagation slave \
      "$here/host.sh" "$host" "$run/$host" "$lab" </dev/null >>"$directory/log/host.log" 2>&1 9>&- &
  fi
  await_host "$host"
}

await_host() {
  local attempt socket=$run/$1/libvirt/libvirt-sock
  for attempt in $(seq 200); do
    [ -S "$socket" ] && virsh -q -c "qemu:///system?socket=$socket" uri >/dev/null 2>&1 && return
    sleep 0.05
  done
  fail "libvirt on $1 did not answer within 10 s; read $lab/hosts/$1/log/host.log and $lab/hosts/$1/log/libvirt/"
}

# processes_of HOST: whoever is in its network namespace, or sees its /run as /run. The latter also finds them where a
# name of a namespace or the first process is gone.
processes_of() {
  local entry namespace; namespace=$(namespace_of "$1")
  { if exists "$namespace"; then ip netns pids "$namespace" 2>/dev/null || true; fi
    for entry in /proc/[0-9]*; do
      if [ "$entry/root/run/holder" -ef "$run/$1/holder" ]; then echo "${entry#/proc/}"; fi
    done; } | sort -un
}

# host_off HOST: cut the cable first, so that nobody hears a last word; then every process dies; then the namespaces and /run go
host_off() {
  local host=$1 namespace attempt pids
  namespace=$(namespace_of "$host")
  ip -n "$switch" link del "p$(number_of "$host")" 2>/dev/null || true
  for ((attempt = 0; attempt < 100; attempt++)); do
    pids=$(processes_of "$host")
    [ -n "$pids" ] || break
    # shellcheck disable=SC2086 # a list of process ids
    kill -9 $pids 2>/dev/null || true
    sleep 0.02
  done
  [ -z "$pids" ] || fail "processes of $host do not die: $pids"
  if exists "$namespace"; then ip netns del "$namespace"; fi
  rm -rf "${run:?}/$host"
}

# --- commands ---

enrol() { # HOST COMMAND: leave a token for a worker that has not enrolled yet
  local state=$lab/hosts/$1/novacron
  [ -s "$state/worker.json" ] && return
  mkdir -p "$state"
  (umask 077; bash -c "$2" > "$state/enrol-token.new") || fail "no enrolment token for $1: \"$2\" failed"
  mv "$state/enrol-token.new" "$state/enrol-token"
}

# A worker that runs a binary which has been rebuilt since is restarted: an upgrade must not need a power cut.
refresh_worker() {
  local pid; pid=$(supervised "$1" worker)
  if [ -e "$lab/hosts/$1/no-worker" ]; then
    sv force-stop "$run/$1/service/worker" >/dev/null 2>&1 || true
  elif [ -z "$pid" ]; then
    sv start "$run/$1/service/worker" >/dev/null 2>&1 || true
  elif [[ $(readlink "/proc/$pid/exe") == *"(deleted)" ]]; then
    sv restart "$run/$1/service/worker" >/dev/null 2>&1 || true
  fi
}

up() {
  local count=${1:-3} worker=yes command="" number host jobs=()
  shift || true
  while [ $# -gt 0 ]; do
    case $1 in
      --no-worker) worker=no; shift ;;
      --enrol) command=${2:?"--enrol needs a command"}; shift 2 ;;
      *) usage ;;
    esac
  done
  [[ $count =~ ^([0-9]|[1-7][0-9])$ ]] || fail "the number of hosts must be 0 to 79"
  [ $worker = no ] || [ -x "$repo/bin/novacron-worker" ] || fail "bin/novacron-worker is missing: build it, or give --no-worker"
  if [ $worker = yes ] && [ -z "$command" ] && [ -n "${NOVACRON_DATABASE_URL:-}" ]; then command="'$repo/bin/novacron-server' enrol-token"; fi
  local available; available=$(awk '/^MemAvailable/{print int($2 / 1024)}' /proc/meminfo)
  [ "$available" -ge $((256 * count)) ] || fail "$count hosts need $((256 * count)) MiB of free memory before their first guest; $available MiB are free"
  switch_up
  ln -sfn "$run" "$lab/run"
  for number in $(seq 1 "$count"); do
    host=h$number
    mkdir -p "$lab/hosts/$host"
    if [ $worker = no ]; then touch "$lab/hosts/$host/no-worker"; else rm -f "$lab/hosts/$host/no-worker"; fi
    if [ -n "$command" ]; then enrol "$host" "$command"; fi
    (host_up "$host"; refresh_worker "$host") &
    jobs+=($!)
  done
  for number in "${jobs[@]}"; do wait "$number" || fail "a host did not come up"; done
}

down() {
  local host
  for host in $( { known_hosts; ip netns list | sed -n "s/^$tag-\(h[0-9]*\)\b.*/\1/p"; } | sort -u); do host_off "$host"; done
  switch_down
  local server
  for server in swift ceph sshfs; do
    if [ -d "$lab/$server" ]; then NOVACRON_DATA=$data "$here/$server.sh" down; fi
  done
  rm -rf "$run"
  rm -f "$lab/run"
}

status() {
  local host guests
  printf '%-5s %-12s %-8s %-9s %-8s %s\n' HOST ADDRESS STATE LIBVIRTD WORKER GUESTS
  for host in $(known_hosts); do
    if [ -n "$(holder_of "$host")" ]; then
      guests=$(timeout 5 virsh -q -c "qemu:///system?socket=$run/$host/libvirt/libvirt-sock" list --name 2>/dev/null | grep -c . || true)
      printf '%-5s %-12s %-8s %-9s %-8s %s\n' "$host" "$(address_of "$(number_of "$host")")" on \
        "$(supervised "$host" libvirtd)" "$(supervised "$host" worker | grep . || echo -)" "$guests"
    else
      printf '%-5s %-12s %-8s %-9s %-8s %s\n' "$host" "$(address_of "$(number_of "$host")")" off - - -
    fi
  done
}

locked() { mkdir -p "$lab"; exec 9>"$lab/lock"; flock 9; "$@"; }

[ "$(id -u)" = 0 ] || fail "namespaces need root"
command=${1:-}; shift || true
case $command in
  up) locked up "$@" ;;
  down) locked down ;;
  kill) number_of "${1:?which host}" >/dev/null; locked host_off "$1" ;;
  start) number_of "${1:?which host}" >/dev/null; exists "$switch" || fail "the lab is down; bring it up first"; locked host_up "$1" ;;
  sh) host=${1:?which host}; shift; [ $# -gt 0 ] || set -- bash; in_host "$host" "$@" ;;
  outside) exists "$switch" || fail "the lab is down"; exec ip netns exec "$switch" "$@" ;;
  guest)
    exists "$switch" || fail "the lab is down"
    address=${1:?which address}; shift
    echo "${*:-stats}" | ip netns exec "$switch" busybox nc -w 60 "$address" 7000 |
      awk '{ print; fflush() } /"error":|errors":[1-9]/ { bad = 1 } END { exit !NR || bad }'
    ;;
  status) status ;;
  env) printf 'LAB_STATE=%q\nLAB_RUN=%q\nLAB_TAG=%q\nLAB_SWITCH=%q\n' "$lab" "$run" "$tag" "$switch" ;;
  *) usage ;;
esac
