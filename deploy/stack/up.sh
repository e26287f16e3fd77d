#!/usr/bin/env bash
# up.sh: brings up the whole stack, or what of it is missing or changed. Safe to repeat, and to interrupt.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
source "$stack/services.sh"
need_root
one_at_a_time

prepare() {
  local sets=(up) servers asked temporal=''
  ((LAB_HOSTS == 0)) || sets+=(lab)
  asked=$(lab_storage)
  read -ra servers <<<"$asked"
  sets+=("${servers[@]}") # before the build: the worker is built with what there is
  need_tools
  # Most of a first build needs none of the packages, and installing them leaves the processors idle.
  if [[ ! -x $bin/novacron-temporal ]]; then
    make -C "$root" --no-print-directory bin/novacron-temporal &
    temporal=$!
    # shellcheck disable=SC2064 # this process, whatever the variable is then
    trap "kill $temporal 2>/dev/null || true" EXIT
  fi
  "$stack/packages.sh" "${sets[@]}"
  if [[ -n $temporal ]]; then
    make -C "$root" --no-print-directory ui || die "the UI's build failed; its words are above."
    wait "$temporal" || die "Temporal's build failed; its words are above."
    trap - EXIT
  fi
  say "building what is not built yet"
  make -C "$root" --no-print-directory build || die "the build failed; its words are above."
}

# need_tools: what Debian 12 has too old or not at all, and what everything is built with.
need_tools() {
  local tool
  for tool in go npm; do
    command -v $tool >/dev/null || die "$tool is not on this machine, and NovaCron is built from source." \
      "Install Go 1.26 or later, and Node.js 20 or later with npm 11, and run this again."
  done
}

# free_port NAME WHAT ADDRESS VARIABLE: a service that is not running yet must find its port free, or held by its own orphan.
free_port() {
  local name=$1 what=$2 address=$3 variable=$4 listener pid
  running "$name" && return 0
  listener=$(ss -Hltnp "sport = :${address##*:}" | grep -F " $address " || true)
  [[ -n $listener ]] || return 0
  pid=$(grep -o 'pid=[0-9]*' <<<"$listener" | head -1 | cut -d= -f2)
  if [[ -n $pid && $(readlink "/proc/$pid/fd/9" 2>/dev/null) == "$state/$name.lock" ]]; then return 0; fi
  die "$address is taken by ${pid:+process $pid, }$(ps -o args= -p "${pid:-0}" 2>/dev/null || echo another process), and $what needs it." \
    "Stop that, or choose another: make up $variable=${address%:*}:PORT"
}

check_ports() {
  free_port temporal Temporal "$NOVACRON_TEMPORAL_ADDRESS" NOVACRON_TEMPORAL_ADDRESS
  free_port temporal "Temporal's web UI" "$NOVACRON_TEMPORAL_UI_ADDRESS" NOVACRON_TEMPORAL_UI_ADDRESS
  free_port temporal "Temporal's health check" "$NOVACRON_TEMPORAL_HEALTH_ADDRESS" NOVACRON_TEMPORAL_HEALTH_ADDRESS
  free_port server "NovaCron's API" "$NOVACRON_LISTEN" NOVACRON_LISTEN
}

# ready NAME SECONDS URL
ready() {
  await "$2" answers "$3" && return 0
  last_words "$1" >&2
  die "$1 was not ready after $2 s ($3)." "Above is the end of its log, $logs/$1/current."
}

database() {
  "$stack/postgres.sh" prepare
  local outcome
  # A socket that somebody cleaned away under a running PostgreSQL only comes back with a restart.
  [[ -S $socket_directory$socket_name ]] || rm -f "$services/postgres/applied"
  outcome=$(start_service postgres "$(fingerprint postgres "$stack/postgres.sh" "$stack/postgresql.conf")")
  # A cluster that was killed may have a long log to replay.
  "$stack/postgres.sh" ensure 120
  say "PostgreSQL: $outcome"
}

control_plane() {
  local server_outcome temporal_outcome control_outcome
  temporal_outcome=$(start_service temporal "$(fingerprint temporal "$bin/novacron-temporal")")
  "$bin/novacron-server" migrate 8>&- >"$logs/migrate.log" 2>&1 || {
    cat "$logs/migrate.log" >&2
    die "the inventory's schema could not be brought up to date; the reason is above." "Nothing was changed by the migration that failed."
  }
  "$bin/novacron-server" admin 8>&- >"$logs/admin.log" 2>&1 || {
    cat "$logs/admin.log" >&2
    die "the administrator's account could not be ensured; the reason is above."
  }
  ready temporal 120 "http://$NOVACRON_TEMPORAL_HEALTH_ADDRESS/healthz"
  say "Temporal: $temporal_outcome"
  server_outcome=$(start_service server "$(fingerprint server "$bin/novacron-server")")
  control_outcome=$(start_service control "$(fingerprint control "$bin/novacron-server")")
  ready server 60 "http://$NOVACRON_LISTEN/readyz"
  say "NovaCron: server $server_outcome, control worker $control_outcome"
}

# objects starts Swift, where it was asked for, before the control plane looks for images and backups there.
objects() {
  [[ " $(lab_storage) " == *" swift "* || -s $NOVACRON_DATA/swift.json ]] || return 0
  ((LAB_HOSTS)) || die "Swift is one of the lab's servers, and LAB_HOSTS=0 leaves the lab out."
  "$root/deploy/lab/swift.sh" up 8>&- >/dev/null || die "Swift did not come up; the reason is above."
  local SWIFT_AUTH_URL SWIFT_USER SWIFT_KEY
  eval "$("$root/deploy/lab/swift.sh" settings)"
  (umask 077; printf '{"auth_url": "%s", "user": "%s", "key": "%s"}\n' "$SWIFT_AUTH_URL" "$SWIFT_USER" "$SWIFT_KEY" >"$NOVACRON_DATA/swift.json")
  object_places
  say "Swift: keeps images and backups"
}

# hosts_report: every lab host is ready, and has said of every pool that it reaches it.
hosts_report() {
  local cli=("$bin/novacron" --context "$NOVACRON_DATA/context.json")
  (($(NOVACRON_URL=http://$NOVACRON_LISTEN "${cli[@]}" host list | grep -cw ready) >= LAB_HOSTS)) &&
    ! NOVACRON_URL=http://$NOVACRON_LISTEN "${cli[@]}" pool list | tail -n +2 | grep -qvw healthy
}

lab() {
  ((LAB_HOSTS)) || return 0
  "$stack/storage.sh"
  "$root/deploy/lab/lab.sh" up "$LAB_HOSTS" 8>&- ||
    die "the lab did not come up; the reason is above." "LAB_HOSTS=0 make up leaves it out."
  say "lab: $LAB_HOSTS hosts"
  "$stack/guest.sh"
  await 30 hosts_report || say "lab: not every host has reported yet; see novacron host list and novacron pool list"
}

summary() {
  cat <<TEXT

NovaCron is up.
  UI and API     http://$NOVACRON_LISTEN/
  Temporal's UI  http://$NOVACRON_TEMPORAL_UI_ADDRESS/
  Administrator  user admin, password in $NOVACRON_DATA/admin-password
  CLI            $bin/novacron (its context is $NOVACRON_DATA/context.json)
  Logs           $logs/<service>/current
  Next           make demo; make down stops everything and keeps the data
TEXT
}

prepare
objects
write_services
check_ports
start_supervision
database
control_plane
lab
summary
