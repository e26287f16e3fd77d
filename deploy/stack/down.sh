#!/usr/bin/env bash
# down.sh: stops everything of this stack, the lab first and PostgreSQL last, and keeps all data.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
source "$stack/services.sh"
source "$stack/singleton.sh"
[[ -d $NOVACRON_DATA ]] || exit 0
need_root
one_at_a_time

stop_lab() {
  [[ -x $root/deploy/lab/lab.sh ]] || return 0
  "$root/deploy/lab/lab.sh" down 8>&- || note "the lab reported the above; going on"
}

# stop_supervision: keeper and runsvdir would bring each other back. The keeper goes down first and stays down, because
# its runsv is told so; then nothing brings runsvdir back, and nothing brings back a runsv that is told to exit.
stop_supervision() {
  local pid
  if supervised keeper; then sv -w 10 down "$services/keeper" >/dev/null || true; fi
  for pid in $(supervisors); do
    kill -s TERM "$pid" 2>/dev/null || true # it leaves its runsv alone on TERM
  done
  stop_service keeper
}

# stop_all stops what others added first, then the control plane in the reverse order of starting.
stop_all() {
  local directory name index
  for directory in "$services"/*/; do
    name=$(basename "$directory")
    [[ $name == '*' || " ${control_plane[*]} " == *" $name "* ]] || stop_service "$name"
  done
  for ((index = ${#control_plane[@]} - 1; index >= 0; index--)); do
    stop_service "${control_plane[index]}"
  done
}

# stop_orphans ends what lost its supervisor: it still holds its lock.
stop_orphans() {
  local file
  for file in "$state"/*.lock; do
    [[ -e $file ]] || continue
    end_holders "$file" INT TERM QUIT KILL >/dev/null || note "processes of $(basename "$file" .lock) could not be ended"
  done
}

stop_lab
stop_supervision
stop_all
stop_orphans
say "stopped; the data is in $NOVACRON_DATA"
