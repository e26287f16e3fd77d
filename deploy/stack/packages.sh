#!/usr/bin/env bash
# packages.sh [up|lab|swift|ceph|sshfs|test]...: installs the Debian packages that are missing for these purposes, and nothing else.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

packages_for() {
  case $1 in
    up) echo ca-certificates curl gcc git iproute2 libc6-dev make openssl postgresql-15 procps qemu-utils runit util-linux ;;
    lab) sed 's/#.*//' "$root/deploy/lab/packages.txt" ;;
    swift) echo memcached python3-swift swift-account swift-container swift-object swift-object-expirer swift-proxy ;;
    ceph) echo ceph-common ceph-mgr ceph-mon ceph-osd librados-dev librbd-dev qemu-block-extra ;;
    sshfs) echo openssh-server sshfs ;;
    test) echo chromium shellcheck ;;
    *) die "packages.sh: there is no set of packages called $1; there are up, lab, swift, ceph, sshfs and test." ;;
  esac
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
for set in "$@"; do
  read -ra names <<<"$(packages_for "$set" | xargs)"
  for name in "${names[@]}"; do
    installed "$name" || missing+=("$name")
  done
done
((${#missing[@]})) || exit 0

need_root
say "installing Debian packages: ${missing[*]}"
log=$NOVACRON_DATA/log/packages.log
mkdir -p "$(dirname "$log")"
export DEBIAN_FRONTEND=noninteractive

apt_install() {
  apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" </dev/null >>"$log" 2>&1 ||
    die "could not install: $*" "apt's words are in $log; correct what it says, or install them by hand, and run this again."
}

# Packages start services of their own on installation (a system-wide libvirtd, a database cluster). Nothing here wants
# them, and the machine's owner did not ask for them: forbid it while we install, as Debian Policy provides.
policy=/usr/sbin/policy-rc.d
restore() { :; }
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  restore() { rm -f $policy; }
fi
trap 'restore' EXIT

apt-get update </dev/null >>"$log" 2>&1 ||
  note "apt-get update failed (see $log); trying with the package lists that are there"

if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
  # postgresql-15 would make and start a cluster called main; ours is private. The answer is put back afterwards.
  apt_install postgresql-common
  conf=/etc/postgresql-common/createcluster.conf
  if ! grep -qE '^[[:space:]]*create_main_cluster' $conf; then
    echo 'create_main_cluster = false' >>$conf
    apt_install postgresql-15
    sed -i '/^create_main_cluster = false$/d' $conf
  fi
fi
apt_install "${missing[@]}"
