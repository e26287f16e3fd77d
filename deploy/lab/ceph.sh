#!/usr/bin/env bash
# ceph.sh: a Ceph cluster in one place: a monitor, a manager and one OSD on a file, without replicas. It listens at the
# address by which the lab's hosts know this machine; here that is an address of loopback, so nothing leaves the machine.
#
#   ceph.sh up          start it, or what of it does not run; prints its settings as shell assignments
#   ceph.sh settings    print them
#   ceph.sh kill NAME   kill -9 one of its programs (mon, mgr, osd); `up` brings it back
#   ceph.sh down        stop it, keep the data
#   ceph.sh namespace N  make a namespace in the pool
#   ceph.sh do WORDS    run a command of the ceph program as its administrator
#
# State is under $NOVACRON_DATA/lab/ceph. Ports: NOVACRON_CEPH_PORT (default 6780) for the monitor and the 29 above it.
# CEPH_SIZE is the OSD's size in GiB, on a sparse file (default 16).
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
data=$(realpath -m "${NOVACRON_DATA:-$here/../../.novacron}")
root=$data/lab/ceph
port=${NOVACRON_CEPH_PORT:-$(cat "$root/port" 2>/dev/null || echo 6780)}
size=${CEPH_SIZE:-16}
address=10.77.0.1
pool=novacron
user=novacron

fail() { echo "ceph: $*" >&2; exit 1; }
administer() { ceph -c "$root/ceph.conf" --connect-timeout 10 "$@"; }

configure() {
  mkdir -p "$root"/{mon,mgr,osd,run,log}
  echo "$port" >"$root/port"
  [[ -s $root/fsid ]] || cat /proc/sys/kernel/random/uuid >"$root/fsid"
  cat >"$root/ceph.conf" <<CONF
[global]
fsid = $(cat "$root/fsid")
mon_host = [v2:$address:$port,v1:$address:$((port + 1))]
mon_initial_members = a
public_addr = $address
cluster_addr = $address
ms_bind_ipv6 = false
ms_bind_port_min = $((port + 2))
ms_bind_port_max = $((port + 29))
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
run_dir = $root/run
pid_file = $root/run/\$type.pid
admin_socket = $root/run/\$type.asok
log_file = $root/log/\$type.log
crash_dir = $root/log
# One copy of everything, in one place.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 16
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_delete = true
[client.admin]
keyring = $root/admin.keyring
[mon]
mon_data = $root/mon
mon_cluster_log_file = $root/log/cluster.log
# The file system is the machine's, and how full it is is not the lab's to judge.
mon_data_avail_warn = 2
mon_data_avail_crit = 1
[mgr]
mgr_data = $root/mgr
mgr_initial_modules =
[osd]
osd_data = $root/osd
osd_objectstore = bluestore
bluestore_block_size = $((size << 30))
osd_memory_target = 939524096
CONF
}

# keyring FILE NAME CAPABILITY...: a key for somebody; a file that is there stays.
keyring() {
  local file=$root/$1 name=$2
  shift 2
  [[ -s $file ]] || ceph-authtool --create-keyring "$file" --gen-key -n "$name" "$@" >/dev/null
}

create_monitor() {
  [[ ! -d $root/mon/store.db ]] || return 0
  keyring admin.keyring client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  keyring mon.keyring mon. --cap mon 'allow *'
  keyring mgr/keyring mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *'
  keyring osd/keyring osd.0 --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
  cat "$root"/{admin.keyring,mon.keyring,mgr/keyring,osd/keyring} >"$root/all.keyring"
  rm -f "$root/monmap"
  monmaptool --create --fsid "$(cat "$root/fsid")" --addv a "[v2:$address:$port,v1:$address:$((port + 1))]" "$root/monmap" >/dev/null
  ceph-mon -c "$root/ceph.conf" --mkfs -i a --monmap "$root/monmap" --keyring "$root/all.keyring"
  rm -f "$root/all.keyring"
}

create_osd() {
  [[ ! -e $root/osd/ready ]] || return 0
  local uuid
  uuid=$(cat /proc/sys/kernel/random/uuid)
  administer osd new "$uuid" 0 >/dev/null
  ceph-osd -c "$root/ceph.conf" -i 0 --mkfs --osd-uuid "$uuid" --no-mon-config >"$root/log/osd-mkfs.log" 2>&1 ||
    fail "the OSD could not be made; read $root/log/osd-mkfs.log"
  touch "$root/osd/ready"
}

pid_of() {
  local pid; pid=$(cat "$root/run/$1.pid" 2>/dev/null || true)
  if [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "ceph-$1" ]]; then echo "$pid"; fi
}

# start NAME ID: each becomes a daemon of its own accord.
start() {
  [[ -n $(pid_of "$1") ]] || "ceph-$1" -c "$root/ceph.conf" -i "$2" 8>&- 9>&- >>"$root/log/$1.out" 2>&1 || fail "ceph-$1 does not start; read $root/log/$1.log"
}

# grant makes the pool, and a user who may use it and nothing else.
grant() {
  administer osd pool ls | grep -qx $pool || administer osd pool create $pool 16 >/dev/null 2>&1
  [[ -e $root/initialised ]] || { rbd -c "$root/ceph.conf" pool init $pool && touch "$root/initialised"; }
  administer auth get-or-create client.$user mon 'profile rbd' osd "profile rbd pool=$pool" mgr "profile rbd pool=$pool" >"$root/user.keyring.new"
  mv "$root/user.keyring.new" "$root/user.keyring"
}

settings() {
  [[ -s $root/user.keyring ]] || fail "it is not set up; run: ceph.sh up"
  printf 'CEPH_MONITORS=%s:%d\nCEPH_POOL=%s\nCEPH_USER=%s\nCEPH_KEY=%s\n' \
    $address "$port" $pool $user "$(awk '$1 == "key" { print $3 }' "$root/user.keyring")"
}

up() {
  local attempt
  command -v ceph-mon >/dev/null || fail "its packages are missing; run: deploy/stack/packages.sh ceph"
  umask 077
  ip address replace $address/32 dev lo
  configure
  create_monitor
  start mon a
  start mgr x
  create_osd
  start osd 0
  grant
  for ((attempt = 0; attempt < 120; attempt++)); do
    if [[ $(administer health 2>/dev/null) == HEALTH_OK && ! $(administer pg stat 2>/dev/null) =~ unknown|creating|peering ]]; then
      settings
      return
    fi
    sleep 0.5
  done
  fail "it is not healthy after a minute: $(administer health 2>&1)"
}

end() { # NAME SIGNAL
  local pid; pid=$(pid_of "$1")
  [[ -z $pid ]] || kill -s "$2" "$pid" 2>/dev/null || true
}

down() {
  local name attempt
  for name in osd mgr mon; do
    end $name TERM
    for ((attempt = 0; attempt < 100; attempt++)); do
      [[ -n $(pid_of $name) ]] || break
      sleep 0.1
    done
    end $name KILL
  done
  # Another lab's cluster may use the address yet.
  [[ -n $(ss -Hltn "src $address") ]] || ip address del $address/32 dev lo 2>/dev/null || true
}

case ${1:-} in
  up) up ;;
  settings) settings ;;
  kill) [[ -n $(pid_of "${2:?which program}") ]] || fail "$2 does not run"; end "$2" KILL ;;
  down) down ;;
  namespace) rbd -c "$root/ceph.conf" namespace create --pool $pool --namespace "${2:?which namespace}" ;;
  do) shift; administer "$@" ;;
  *) sed -n '2,13p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
