# shellcheck shell=bash disable=SC2154
# The services of a stack and their supervision by runit: $services/<name>/run is kept running by a runsv of its own, all
# runsv by one runsvdir, and runsvdir by the service "keeper". Others (the lab) add directories of the same form.

# The control plane in the order of starting; each works, by retrying, whatever the order is.
control_plane=(postgres temporal server control)

# write_service NAME SIGNALS COMMAND...: (re)writes the service's files. The run script is complete in itself, so that it
# can be read, and so that its hash says whether the service must be restarted.
write_service() {
  local name=$1 signals=$2 directory=$services/$1 variable
  shift 2
  mkdir -p "$directory/log" "$logs/$name"
  replace "$directory/run" < <(
    printf '#!/usr/bin/env bash\n# Written by deploy/stack/services.sh; make up overwrites it.\nset -euo pipefail\nexec 2>&1 8>&-\n'
    for variable in NOVACRON_DATA NOVACRON_LISTEN NOVACRON_DATABASE_URL NOVACRON_IMAGES NOVACRON_BACKUPS NOVACRON_SWIFT NOVACRON_TEMPORAL_ADDRESS \
      NOVACRON_TEMPORAL_NAMESPACE NOVACRON_TEMPORAL_UI NOVACRON_TEMPORAL_UI_ADDRESS NOVACRON_TEMPORAL_HEALTH_ADDRESS \
      NOVACRON_TEMPORAL_DATABASE_URL; do
      printf 'export %s=%q\n' "$variable" "${!variable}"
    done
    printf 'source %q\n' "$stack/singleton.sh"
    [[ $signals == none ]] || printf 'singleton %q %s\n' "$name" "$signals"
    printf 'cd %q\nexec' "$NOVACRON_DATA"
    # Temporal works behind the answers that people wait for, and takes most of the processor under load.
    [[ $name != temporal ]] || printf ' nice -n 5'
    printf ' %q' "$@"
    printf '\n'
  )
  write_log "$name"
}

# write_log NAME: 5 files of 1 MB, each line with its time.
write_log() {
  mkdir -p "$services/$1/log" "$logs/$1"
  [[ -e $logs/$1/config ]] || printf 's1000000\nn5\n' >"$logs/$1/config"
  replace "$services/$1/log/run" < <(
    printf '#!/usr/bin/env bash\nexec 8>&- svlogd -tt %q\n' "$logs/$1"
  )
}

# replace FILE: writes standard input to an executable FILE, atomically, and only if it differs.
replace() {
  cat >"$1.new"
  chmod 755 "$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

write_services() {
  mkdir -p "$services" "$state" "$logs"
  write_service postgres none "$stack/postgres.sh" run
  mkdir -p "$services/postgres/control"
  # A plain TERM would let the postmaster wait for its clients for ever.
  replace "$services/postgres/control/t" < <(
    printf '#!/usr/bin/env bash\nexport NOVACRON_DATA=%q\nexec %q stop\n' "$NOVACRON_DATA" "$stack/postgres.sh"
  )
  write_service temporal TERM "$bin/novacron-temporal"
  write_service server TERM "$bin/novacron-server" -roles api
  write_service control TERM "$bin/novacron-server" -roles control
  write_service keeper TERM "$stack/keeper.sh"
}

# supervises PID: that process is a runsvdir of this stack, by its exact command line. Without a fork, because the keeper
# asks every second.
supervises() {
  local words=()
  mapfile -d '' words <"/proc/$1/cmdline"
  [[ ${#words[@]} == 2 && ${words[0]} == runsvdir && ${words[1]} == "$services" ]]
} 2>/dev/null

# supervisors: the processes that supervise.
supervisors() {
  local entry
  for entry in /proc/[0-9]*; do
    if supervises "${entry#/proc/}"; then echo "${entry#/proc/}"; fi
  done
}

# start_supervisor is only for a stack of which nothing runs, and for the keeper. The control plane and the guests have equal
# rights to the processor: with the control plane in front, a live migration on the same machine took 4% longer.
start_supervisor() {
  # What runsvdir would say is that an orphaned runsv still serves: not worth a line a second.
  setsid runsvdir "$services" </dev/null >/dev/null 2>&1 8>&- 9>&- &
}

supervised() { [[ -p $services/$1/supervise/ok ]] && sv status "$services/$1" 2>/dev/null | grep -q '^\(run\|down\|finish\):'; }
running() { sv status "$services/$1" 2>/dev/null | grep -q '^run:'; }
defined() { [[ -x $services/$1/run ]]; }

# start_supervision: the services of a stack that was not running must wait for their turn in up.sh, so they get the file
# `down` (see runsv(8)), which start_service takes away.
start_supervision() {
  local name
  if [[ -z $(supervisors) ]]; then
    for name in "${control_plane[@]}"; do
      supervised "$name" || touch "$services/$name/down"
    done
    start_supervisor
  fi
  for name in keeper "${control_plane[@]}"; do
    await 15 supervised "$name" || die "runit did not take up the service $name." "Run: make down && make up"
  done
}

# fingerprint NAME PROGRAM: what the running instance depends on.
fingerprint() { cat "$services/$1/run" "$2" "${@:3}" | sha256sum | cut -c1-32; }

# start_service NAME FINGERPRINT: starts it, or restarts it if it runs from other files than are there now. Says which.
start_service() {
  local name=$1 wanted=$2 applied=$services/$1/applied
  rm -f "$services/$name/down"
  if running "$name"; then
    [[ $(cat "$applied" 2>/dev/null) != "$wanted" ]] || { echo unchanged && return; }
    sv -w 40 restart "$services/$name" >/dev/null || sv -w 10 force-restart "$services/$name" >/dev/null || true
    echo "$wanted" >"$applied"
    echo restarted
  else
    sv -w 20 start "$services/$name" >/dev/null || true
    echo "$wanted" >"$applied"
    echo started
  fi
}

# stop_service NAME: stops it with its supervisor.
stop_service() {
  [[ -p $services/$1/supervise/ok ]] || return 0
  supervised "$1" || return 0
  sv -w 40 exit "$services/$1" >/dev/null 2>&1 || sv -w 10 force-shutdown "$services/$1" >/dev/null 2>&1 || true
}

# last_words NAME: the end of a service's log, for the sentence that says it failed.
last_words() { tail -n 8 "$logs/$1/current" 2>/dev/null | cut -c1-240 | sed 's/^/    /'; }
