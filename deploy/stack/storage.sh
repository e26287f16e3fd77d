#!/usr/bin/env bash
# storage.sh: the servers that LAB_STORAGE asks for, and the lab's pools. Safe to repeat; what was asked for once comes back
# without being asked for again. The pool "local" is every installation's own.
#
#   LAB_STORAGE="ceph sshfs"   also a Ceph cluster, as the pool "ceph", and a server that hosts mount, as "nas"; all: both
#   (LAB_STORAGE=swift is up.sh's: the control plane needs it before it starts)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
export NOVACRON_URL=http://$NOVACRON_LISTEN
cli() { "$bin/novacron" --context "$NOVACRON_DATA/context.json" "$@"; }

wanted=$(lab_storage)

# declare_pool NAME ARGS...: once.
declare_pool() {
  local name=$1
  if cli pool show "$name" >/dev/null 2>&1; then return 0; fi
  cli pool add "$@" >/dev/null || die "pool $name could not be declared; the reason is above."
  say "pool: $name declared"
}

ceph_pool() {
  "$stack/packages.sh" ceph
  "$root/deploy/lab/ceph.sh" up >/dev/null || die "Ceph did not come up; the reason is above."
  local CEPH_MONITORS CEPH_POOL CEPH_USER CEPH_KEY
  eval "$("$root/deploy/lab/ceph.sh" settings)"
  declare_pool ceph --monitor "$CEPH_MONITORS" --ceph-pool "$CEPH_POOL" --user "$CEPH_USER" --overcommit 10 --key-file - <<<"$CEPH_KEY"
}

# nas_pool's port is the one that the lab's gateway answers on for the hosts, whatever port the server has on this machine.
nas_pool() {
  "$stack/packages.sh" sshfs
  "$root/deploy/lab/sshfs.sh" up >/dev/null || die "the server of files did not come up; the reason is above."
  local SSHFS_EXPORT SSHFS_KEY_FILE SSHFS_HOST_KEY
  eval "$("$root/deploy/lab/sshfs.sh" settings)"
  mkdir -p "$SSHFS_EXPORT/nas"
  declare_pool nas --mount sshfs --source "root@10.77.0.1:$SSHFS_EXPORT/nas" --options port=2022 --host-key "${SSHFS_HOST_KEY/:/ }" --overcommit 10 \
    --tier cold --key-file "$SSHFS_KEY_FILE" </dev/null
}

# Small guests promise much and use little.
declare_pool shared --directory /srv/novacron/shared --shared --overcommit 10 </dev/null
if [[ " $wanted " == *" ceph "* || -s $NOVACRON_DATA/lab/ceph/user.keyring ]]; then ceph_pool; fi
if [[ " $wanted " == *" sshfs "* || -d $NOVACRON_DATA/lab/sshfs/export/nas ]]; then nas_pool; fi
