#!/usr/bin/env bash
# sshfs.sh: a server of files over ssh, with keys of its own and for files only. On loopback only.
#
#   sshfs.sh up          start it, if it does not run; prints its settings as shell assignments
#   sshfs.sh settings    print them
#   sshfs.sh kill NAME   kill -9 it and all its sessions (NAME is sshd); `up` brings it back
#   sshfs.sh stop        freeze its sessions: the server falls silent; `go` lets them go on
#   sshfs.sh down        stop it, keep the data
#
# State is under $NOVACRON_DATA/lab/sshfs, what it serves in its directory export. Port: NOVACRON_SSHFS_PORT (default 2022).
# The lab's hosts reach it at 10.77.0.1, this machine at 127.0.0.1.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
data=$(realpath -m "${NOVACRON_DATA:-$here/../../.novacron}")
root=$data/lab/sshfs
port=${NOVACRON_SSHFS_PORT:-$(cat "$root/port" 2>/dev/null || echo 2022)}

fail() { echo "sshfs: $*" >&2; exit 1; }

configure() {
  mkdir -p "$root/export"
  echo "$port" >"$root/port"
  [[ -s $root/host ]] || ssh-keygen -q -t ed25519 -N '' -C host -f "$root/host"
  [[ -s $root/client ]] || ssh-keygen -q -t ed25519 -N '' -C client -f "$root/client"
  cp "$root/client.pub" "$root/authorized"
  cat >"$root/sshd.conf" <<CONF
ListenAddress 127.0.0.1:$port
HostKey $root/host
PidFile $root/pid
AuthorizedKeysFile $root/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
CONF
}

pid_of() {
  local pid; pid=$(cat "$root/pid" 2>/dev/null || true)
  if [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == sshd ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; then echo "$pid"; fi
}

# sessions: the processes that it has started; they have its configuration's port in no argument, but it as their ancestor.
sessions() {
  local pid child; pid=$(pid_of)
  [[ -n $pid ]] || return 0
  for child in $(pgrep -P "$pid"); do
    echo "$child"
    pgrep -P "$child" || true
  done
}

settings() {
  [[ -s $root/client ]] || fail "it is not set up; run: sshfs.sh up"
  printf 'SSHFS_PORT=%d\nSSHFS_EXPORT=%s\nSSHFS_KEY_FILE=%s\nSSHFS_HOST_KEY=%s\n' "$port" "$root/export" "$root/client" \
    "$(cut -d' ' -f1,2 "$root/host.pub" | tr ' ' ':')"
}

up() {
  local attempt
  command -v sshd >/dev/null || [[ -x /usr/sbin/sshd ]] || fail "its packages are missing; run: deploy/stack/packages.sh sshfs"
  umask 077
  configure
  mkdir -p /run/sshd
  [[ -n $(pid_of) ]] || /usr/sbin/sshd -f "$root/sshd.conf" -E "$root/log" 8>&- 9>&- || fail "it does not start; read $root/log"
  for ((attempt = 0; attempt < 50; attempt++)); do
    if [[ -n $(pid_of) ]]; then settings; return; fi
    sleep 0.1
  done
  fail "it did not start within 5 s; read $root/log"
}

signal() { # SIGNAL PID...
  local name=$1
  shift
  (($#)) || return 0
  kill -s "$name" "$@" 2>/dev/null || true
}

end() { # SIGNAL: its sessions first, and wait until it is gone
  local all attempt
  mapfile -t all < <(sessions; pid_of)
  signal "$1" "${all[@]}"
  for ((attempt = 0; attempt < 50; attempt++)); do
    [[ -n $(pid_of) ]] || return 0
    sleep 0.1
  done
  fail "it does not end"
}

case ${1:-} in
  up) up ;;
  settings) settings ;;
  kill) [[ -n $(pid_of) ]] || fail "it does not run"; end KILL ;;
  stop) mapfile -t all < <(sessions); signal STOP "${all[@]}" ;;
  go) mapfile -t all < <(sessions); signal CONT "${all[@]}" ;;
  down) end TERM ;;
  *) sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
