# shellcheck shell=bash disable=SC2034
# Where everything of one stack is, and how the scripts speak. Sourced by all of deploy/stack and deploy/demo; changes
# nothing. A stack is identified by its data directory: two checkouts, or two data directories, are two stacks.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
stack=$root/deploy/stack
bin=$root/bin

NOVACRON_DATA=$(realpath -m "${NOVACRON_DATA:-$root/.novacron}")
: "${NOVACRON_LISTEN:=127.0.0.1:8080}"
: "${NOVACRON_TEMPORAL_ADDRESS:=127.0.0.1:7233}"
: "${NOVACRON_TEMPORAL_UI_ADDRESS:=127.0.0.1:8233}"
: "${NOVACRON_TEMPORAL_HEALTH_ADDRESS:=127.0.0.1:7234}"
: "${NOVACRON_TEMPORAL_NAMESPACE:=novacron}"
: "${NOVACRON_TEMPORAL_UI:=http://$NOVACRON_TEMPORAL_UI_ADDRESS}"

# object_places: images and backups are in Swift once LAB_STORAGE has asked for it, and in directories without.
object_places() {
  if [[ -s $NOVACRON_DATA/swift.json ]]; then
    NOVACRON_SWIFT=$NOVACRON_DATA/swift.json NOVACRON_IMAGES=swift:images NOVACRON_BACKUPS=swift:backups
  fi
  : "${NOVACRON_IMAGES:=$NOVACRON_DATA/images}" "${NOVACRON_BACKUPS:=}" "${NOVACRON_SWIFT:=}"
  export NOVACRON_IMAGES NOVACRON_BACKUPS NOVACRON_SWIFT
}
object_places
: "${LAB_HOSTS:=3}"
export NOVACRON_DATA NOVACRON_LISTEN NOVACRON_TEMPORAL_ADDRESS NOVACRON_TEMPORAL_UI_ADDRESS NOVACRON_TEMPORAL_UI \
  NOVACRON_TEMPORAL_HEALTH_ADDRESS NOVACRON_TEMPORAL_NAMESPACE LAB_HOSTS

services=$NOVACRON_DATA/services # <name>/run, supervised by runit
state=$NOVACRON_DATA/run         # locks and sockets of what runs now
logs=$NOVACRON_DATA/log          # <name>/current, rotated by svlogd

socket_name=/.s.PGSQL.5432

# What distinguishes this stack in places outside its data directory.
stack_id=$(printf %s "$NOVACRON_DATA" | sha256sum | cut -c1-12)

# A unix socket's path holds 107 bytes, and PostgreSQL's own user, who is in no group of ours, must be able to walk to it.
database_user=postgres
walkable() {
  local directory=$1
  while [[ ! -d $directory ]]; do directory=$(dirname "$directory"); done
  if ((EUID == 0)); then
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$directory"
  else
    test -x "$directory"
  fi
}
socket_directory=$state/postgres
if ((${#socket_directory} + ${#socket_name} > 107)) || ! walkable "$state"; then
  socket_directory=/run/novacron-$stack_id
fi

database_url() { printf 'postgres://novacron@/%s?host=%s' "$1" "${socket_directory// /%20}"; }
NOVACRON_DATABASE_URL=$(database_url novacron)
NOVACRON_TEMPORAL_DATABASE_URL=$(database_url novacron)
export NOVACRON_DATABASE_URL NOVACRON_TEMPORAL_DATABASE_URL

export NOVACRON_BEGAN=${NOVACRON_BEGAN:-$EPOCHSECONDS} # of the first script, which may have called this one
say() { printf '%4ds  %s\n' $((EPOCHSECONDS - NOVACRON_BEGAN)) "$*"; }
note() { printf '       %s\n' "$*"; }
die() {
  printf '\nnovacron: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '          %s\n' "$@" >&2
  exit 1
}

# lab_storage prints the servers that LAB_STORAGE asks for, in one line. all is all pools: Swift is no pool, and takes images
# and backups away from their directories.
lab_storage() {
  local each pools="ceph sshfs"
  [[ ${LAB_STORAGE:-} != all ]] || { echo "$pools"; return; }
  for each in ${LAB_STORAGE:-}; do
    [[ " $pools swift " == *" $each "* ]] || die "LAB_STORAGE: there is no \"$each\"; there are $pools, all for all of these, and swift for images and backups."
  done
  echo "${LAB_STORAGE:-}"
}

need_root() { ((EUID == 0)) || die "this needs root, because it makes users, namespaces and virtual machines." "Run it with sudo."; }

# await SECONDS COMMAND...: repeats the command until it succeeds.
await() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# answers URL: the URL gives a status below 400. Bash and curl only know loopback here; no proxy is asked.
answers() { curl --noproxy '*' -fsS -o /dev/null --max-time 3 "$1"; }

# One script at a time may change a stack; the lock is not inherited by what the script starts (see 8>&-).
one_at_a_time() {
  mkdir -p "$NOVACRON_DATA"
  exec 8>"$NOVACRON_DATA/.lock"
  flock -n 8 || {
    note "another make is working on $NOVACRON_DATA; waiting for it"
    flock 8
  }
}
