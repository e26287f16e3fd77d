# shellcheck shell=bash
# singleton NAME [SIGNAL...]: called by a service's run script before it execs the program. It makes sure that no earlier
# instance lives. That happens when runsv itself was killed: its child lives on without a supervisor, and PostgreSQL's
# backends outlive a killed postmaster by as long as their query takes.
#
# The program and all its children inherit descriptor 9 with a lock on it, so "somebody holds the lock" is the same as
# "some process of an earlier instance lives", whoever that is and whatever its number. Only such processes get a signal.

# lock_holders FILE: the processes whose descriptor 9 is that file, except this shell.
lock_holders() {
  local entry pid
  for entry in /proc/[0-9]*/fd/9; do
    pid=${entry#/proc/}
    pid=${pid%%/*}
    if [[ $pid != "$$" && $pid != "$BASHPID" && $(readlink "$entry" 2>/dev/null) == "$1" ]]; then
      echo "$pid"
    fi
  done
}

# end_holders FILE SIGNAL...: sends each signal to the holders in turn, ten seconds apart, until there are none.
end_holders() {
  local file=$1 signal pids tick
  shift
  for signal in "$@"; do
    for ((tick = 0; tick < 100; tick++)); do
      mapfile -t pids < <(lock_holders "$file")
      ((${#pids[@]})) || return 0
      if ((tick == 0)); then
        echo "an earlier instance lives on (${pids[*]}): sending it SIG$signal"
        kill -s "$signal" "${pids[@]}" 2>/dev/null || true
      fi
      sleep 0.1
    done
  done
  mapfile -t pids < <(lock_holders "$file")
  ((${#pids[@]} == 0))
}

singleton() {
  local file=$NOVACRON_DATA/run/$1.lock
  shift
  mkdir -p "$NOVACRON_DATA/run"
  exec 9>>"$file"
  flock -n 9 && return 0
  end_holders "$file" "${@:-TERM}" KILL || true
  flock -w 5 9 || {
    echo "an earlier instance cannot be ended; its supervisor tries again"
    sleep 1
    exit 1
  }
}
