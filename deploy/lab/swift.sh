#!/usr/bin/env bash
# swift.sh: OpenStack Swift in one place: a proxy, one device, no replicas, users of its own (tempauth). On loopback only, its proxy at the address
# that the lab's hosts know this machine by, because it tells everybody to come back there.
#
#   swift.sh up          start it, or what of it does not run; prints its settings as shell assignments
#   swift.sh settings    print them
#   swift.sh kill NAME   kill -9 one of its programs (proxy, account, container, object) and all its workers; `up` brings it back
#   swift.sh down        stop it, keep the data
#
# State is under $NOVACRON_DATA/lab/swift. Ports: NOVACRON_SWIFT_PORT (default 8888) and the four above it.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
data=$(realpath -m "${NOVACRON_DATA:-$here/../../.novacron}")
root=$data/lab/swift
port=${NOVACRON_SWIFT_PORT:-$(cat "$root/port" 2>/dev/null || echo 8888)}
address=10.77.0.1
programs=(memcached account container object proxy container-updater object-updater object-expirer)

fail() { echo "swift: $*" >&2; exit 1; }

# section FILE NAME LINE...: appends a section to a file of settings.
section() {
  local file=$root/etc/$1 name=$2
  shift 2
  printf '[%s]\n' "$name" >>"$file"
  if (($#)); then printf '%s\n' "$@" >>"$file"; fi
  echo >>"$file"
}

# pipeline FILE APP FILTER...: the chain of a server, ending in its application.
pipeline() {
  local file=$1 app=$2 filter
  shift 2
  section "$file" pipeline:main "pipeline = $* $app"
  section "$file" "app:$app" "use = egg:swift#${app%-server}" "account_autocreate = true" "allow_account_management = true" \
    "conn_timeout = 10" "node_timeout = 60" "error_suppression_limit = 1000"
  for filter in $(printf '%s\n' "$@" | sort -u); do
    case $filter in
      cache) section "$file" filter:cache "use = egg:swift#memcache" "memcache_servers = 127.0.0.1:$((port + 4))" ;;
      tempauth) section "$file" filter:tempauth "use = egg:swift#tempauth" "user_novacron_worker = $key .admin" ;;
      *) section "$file" "filter:$filter" "use = egg:swift#${filter//-/_}" ;;
    esac
  done
}

configure() {
  local kind offset
  mkdir -p "$root"/{etc,devices/d1,run,log,cache}
  rm -f "$root"/etc/*.conf
  [[ -s $root/key ]] || (umask 077; head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$root/key")
  [[ -s $root/salt ]] || head -c 12 /dev/urandom | base64 >"$root/salt"
  key=$(cat "$root/key")
  echo "$port" >"$root/port"
  section swift.conf swift-hash "swift_hash_path_suffix = $(cat "$root/salt")"
  section swift.conf storage-policy:0 "name = only" "default = yes"
  local common=("swift_dir = $root/etc" "user = $(id -un)" "bind_ip = 127.0.0.1" "workers = 2" "log_level = WARNING" "log_address = $root/nolog"
    "conn_timeout = 10" "container_update_timeout = 30") # a busy machine is no failed one
  section proxy.conf DEFAULT "${common[@]/bind_ip = 127.0.0.1/bind_ip = $address}" "bind_port = $port"
  pipeline proxy.conf proxy-server catch_errors healthcheck cache bulk tempauth slo
  section internal.conf DEFAULT "swift_dir = $root/etc"
  pipeline internal.conf proxy-server catch_errors cache
  section expirer.conf DEFAULT "swift_dir = $root/etc" "user = $(id -un)" "log_address = $root/nolog"
  section expirer.conf object-expirer "interval = 5" "recon_cache_path = $root/cache" "internal_client_conf_path = $root/etc/internal.conf"
  offset=1
  for kind in account container object; do
    section $kind.conf DEFAULT "${common[@]}" "bind_port = $((port + offset))" "devices = $root/devices" "mount_check = false" "disable_fallocate = true"
    section $kind.conf pipeline:main "pipeline = $kind-server"
    section $kind.conf "app:$kind-server" "use = egg:swift#$kind" "recon_cache_path = $root/cache"
    section $kind.conf "$kind-updater" "interval = 5" "recon_cache_path = $root/cache"
    section $kind.conf "$kind-replicator" "recon_cache_path = $root/cache"
    ring $kind $((port + offset))
    offset=$((offset + 1))
  done
}

# ring KIND PORT: where a server's things are: all of them in one place. swift-ring-builder's status is 1 for warnings.
ring() {
  [[ -s $root/etc/$1.ring.gz && $(cat "$root/etc/$1.ring-port" 2>/dev/null) == "$2" ]] && return
  rm -f "$root/etc/$1.builder" "$root/etc/$1.ring.gz"
  (cd "$root/etc" && for words in "create 6 1 1" "add r1z1-127.0.0.1:$2/d1 1" rebalance; do
    # shellcheck disable=SC2086 # several words
    swift-ring-builder "$1.builder" $words || true
  done) >"$root/log/ring-$1.log" 2>&1
  [[ -s $root/etc/$1.ring.gz ]] || fail "no ring for the $1 server; read $root/log/ring-$1.log"
  echo "$2" >"$root/etc/$1.ring-port"
}

command_of() {
  case $1 in
    memcached) echo memcached -l 127.0.0.1 -p $((port + 4)) -m 64 -u "$(id -un)" ;;
    proxy | account | container | object) echo "swift-$1-server" "$root/etc/$1.conf" --verbose ;;
    *-updater) echo "swift-$1" "$root/etc/${1%-updater}.conf" ;;
    object-expirer) echo swift-object-expirer "$root/etc/expirer.conf" ;;
  esac
}

# The leader of a program's process group, empty if it does not run; a number that another program has by now is not it.
leader() {
  local pid; pid=$(cat "$root/run/$1.pid" 2>/dev/null || true)
  if [[ -n $pid && -r /proc/$pid/cmdline ]] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$1"; then echo "$pid"; fi
}

start() {
  local name=$1
  [[ -z $(leader "$name") ]] || return 0
  # shellcheck disable=SC2046 # words of a command
  setsid $(command_of "$name") >"$root/log/$name.log" 2>&1 </dev/null 8>&- 9>&- &
  echo $! >"$root/run/$name.pid"
}

settings() {
  [[ -s $root/key ]] || fail "it is not set up; run: swift.sh up"
  printf 'SWIFT_AUTH_URL=http://%s:%d/auth/v1.0\nSWIFT_USER=novacron:worker\nSWIFT_KEY=%q\n' $address "$port" "$(cat "$root/key")"
}

up() {
  local name attempt
  command -v swift-proxy-server >/dev/null || fail "its packages are missing; run: deploy/stack/packages.sh swift"
  ip address replace $address/32 dev lo
  configure
  for name in "${programs[@]}"; do start "$name"; done
  for ((attempt = 0; attempt < 150; attempt++)); do
    if curl --noproxy '*' -fsS -o /dev/null --max-time 2 "http://$address:$port/healthcheck" 2>/dev/null &&
      curl --noproxy '*' -fsS -o /dev/null --max-time 5 -H "X-Auth-User: novacron:worker" -H "X-Auth-Key: $key" "http://$address:$port/auth/v1.0" 2>/dev/null; then
      settings
      return
    fi
    sleep 0.2
  done
  fail "it did not answer within 30 s; read $root/log"
}

end() { # NAME SIGNAL
  local pid; pid=$(leader "$1")
  [[ -z $pid ]] || kill -s "$2" -- "-$pid" 2>/dev/null || true
}

down() {
  local name attempt
  for name in "${programs[@]}"; do end "$name" TERM; done
  for ((attempt = 0; attempt < 50; attempt++)); do
    [[ -n $(for name in "${programs[@]}"; do leader "$name"; done) ]] || break
    sleep 0.1
  done
  for name in "${programs[@]}"; do end "$name" KILL; done
  # Another lab's server may use the address yet.
  [[ -n $(ss -Hltn "src $address") ]] || ip address del $address/32 dev lo 2>/dev/null || true
}

case ${1:-} in
  up) up ;;
  settings) settings ;;
  kill) [[ -n $(leader "${2:?which program}") ]] || fail "$2 does not run"; end "$2" KILL ;;
  down) down ;;
  *) sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
