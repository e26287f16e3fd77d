#!/usr/bin/env bash
# test.sh: all tests, from nothing installed to a verdict. What it starts is its own (a data directory, ports and a lab that
# no other stack has), and it is all stopped and removed at the end, however that comes.
#
#   TEST_ONLY="lint unit"   only these of: lint unit race temporal ui lab
#   TEST_KEEP=1             leave the stack of the lab tests running, to look at it
set -euo pipefail
NOVACRON_DATA=${NOVACRON_TEST_DATA:-$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../../.novacron-test}
# A stack that is up on this machine keeps its ports.
port_after() {
  local port=$1
  while [[ -n $(ss -Hltn "sport = :$port" 2>/dev/null) ]]; do port=$((port + 1)); done
  echo "127.0.0.1:$port"
}
NOVACRON_LISTEN=$(port_after 18080)
NOVACRON_TEMPORAL_ADDRESS=$(port_after 17233)
NOVACRON_TEMPORAL_HEALTH_ADDRESS=$(port_after 17300)
NOVACRON_TEMPORAL_UI_ADDRESS=$(port_after 18233)
NOVACRON_SWIFT_PORT=$(port_after 18888)
NOVACRON_SWIFT_PORT=${NOVACRON_SWIFT_PORT##*:}
NOVACRON_CEPH_PORT=$(port_after 16780)
NOVACRON_CEPH_PORT=${NOVACRON_CEPH_PORT##*:}
NOVACRON_SSHFS_PORT=$(port_after 12022)
NOVACRON_SSHFS_PORT=${NOVACRON_SSHFS_PORT##*:}
export NOVACRON_SWIFT_PORT NOVACRON_CEPH_PORT NOVACRON_SSHFS_PORT
LAB_HOSTS=3
export LAB_STORAGE=all
export NO_COLOR=1 FORCE_COLOR=0 # escapes in front of FAIL would hide it from what_failed
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"
coverage=$root/coverage
least_coverage=80
tags=libvirt_dlopen
ceph=ceph,pacific # Debian 12 has Ceph 16
only=${TEST_ONLY:-lint unit race temporal ui lab}

wanted() { [[ " $only " == *" $1 "* ]]; }
stage() { say "== $*"; }

# own_packages prints the packages whose coverage counts: neither commands nor generated code nor what only tests use.
own_packages() { go list -tags "$tags" ./... | grep -vE '/(cmd|deploy)/|/internal/store/db$|/(fake|[a-z]+test)$|/ui$|/schemas$'; }

# go_test PROFILE ARGS...: with its profile under coverage/. Any test may cover any package: workflows run activities,
# everything runs nouns. Vet has had its say in lint.
go_test() {
  local profile=$coverage/$1.out packages
  shift
  packages=$(own_packages | paste -sd,)
  go test -vet=off -timeout 20m -covermode atomic -coverpkg "$packages" -coverprofile "$profile" "$@" \
    2> >(grep -v '^warning: no packages being tested depend on matches' >&2) |
    sed -u -E '/coverage: 0.0% of statements$/d; s/\tcoverage: .*//' | tee "${profile%.out}.log"
}

database_directory=$(mktemp -d /tmp/novacron-testdb.XXXXXX)
database_pid=''
finish() {
  local status=$?
  trap - EXIT INT TERM
  if [[ -n $database_pid ]]; then
    kill -s INT "$database_pid" 2>/dev/null || true
    wait "$database_pid" 2>/dev/null || true
  fi
  rm -rf "$database_directory"
  if [[ -e $NOVACRON_DATA/services && -z ${TEST_KEEP:-} ]]; then
    if ((status)); then last_logs; fi
    "$stack/clean.sh" >/dev/null || status=1
  fi
  if ((status)); then what_failed; fi
  if ((status)); then say "FAILED"; else say "passed"; fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# last_logs: the stack is about to be removed, so what it had to say is said now.
last_logs() {
  local file
  for file in "$logs"/{server,control,temporal}/current "$NOVACRON_DATA"/lab/hosts/*/log/novacron/current; do
    [[ -s $file ]] || continue
    printf '\n--- the end of %s\n' "${file#"$NOVACRON_DATA"/}"
    tail -n 25 "$file" | cut -c1-400
  done
}

# what_failed: last of all, because the end of a long output is what is kept of it.
what_failed() {
  local file
  for file in "$coverage"/*.log; do
    grep -qE '^ *FAIL|^panic: |^signal: ' "$file" || continue
    printf '\n--- what failed in %s\n' "${file##*/}"
    grep -E -A 24 '^ *--- FAIL|^ *FAIL  |^panic: |^terminate called|^signal: ' "$file" | cut -c1-300 | tail -n 60 || true
    grep '^FAIL' "$file" | sort -u || true
  done
}

start_database() {
  setsid "$stack/testdb.sh" "$database_directory" </dev/null >"$coverage/testdb.log" 2>&1 &
  database_pid=$!
  export NOVACRON_TEST_DATABASE_URL="postgres://postgres@/postgres?host=$database_directory"
  await 60 test -S "$database_directory$socket_name" || die "the tests' PostgreSQL did not start; read $coverage/testdb.log"
}

# total_coverage PROFILE...: percent of the statements of own_packages that some test ran, over all profiles.
total_coverage() {
  awk -v packages="$(own_packages | tr '\n' ' ')" '
    BEGIN { count = split(packages, names, " "); for (i = 1; i <= count; i++) counted[names[i]] = 1 }
    $1 == "mode:" { next }
    {
      package = $1; sub(/\/[^\/]*$/, "", package)
      if (!(package in counted)) next
      statements[$1] = $2; if ($3 > 0) ran[$1] = 1
    }
    END {
      for (block in statements) { all += statements[block]; if (block in ran) hit += statements[block] }
      printf "%.1f\n", all ? 100 * hit / all : 0
    }' "$@"
}

check_coverage() {
  local percent
  percent=$(total_coverage "$coverage"/*.out)
  say "coverage: $percent% of statements (at least $least_coverage%)"
  awk -v percent="$percent" -v least=$least_coverage 'BEGIN { exit !(percent >= least) }' ||
    die "coverage is below $least_coverage%." "go tool cover -html=coverage/unit.out shows what is not run."
}

unit() {
  stage "unit tests"
  start_database
  go_test unit -tags "$tags" ./...
}

race() {
  [[ -n $database_pid ]] || start_database
  # The race detector costs too much for everything; these are the packages with goroutines of their own.
  stage "unit tests under the race detector"
  go test -vet=off -race -short -timeout 20m ./internal/auth/... ./internal/nbd/... ./internal/objectstore/... ./internal/backuprepo/... \
    ./internal/hypervisor/fake/... ./internal/storage/fake/... ./workflows/... ./activities/... ./worker/... | tee "$coverage/race.log"
}

temporal() {
  stage "tests of the embedded Temporal"
  [[ -n $database_pid ]] || start_database
  (cd deploy/temporal && go vet ./... && go test -timeout 10m ./...)
}

interface() {
  stage "tests of the UI"
  npm --prefix ui run --silent lint
  npm --prefix ui test --silent | tee "$coverage/ui.log"
  npm --prefix ui run --silent e2e | tee -a "$coverage/ui.log"
}

# lab_packages: the packages with tests that need real hosts.
lab_packages() {
  local packages
  packages=$(grep -rlE '^//go:build .*\blab\b' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)
  [[ -n $packages ]] && echo "$packages"
}

lab() {
  stage "a stack with $LAB_HOSTS hosts for the tests on real hosts"
  "$stack/clean.sh"
  "$stack/up.sh"
  stage "tests on real hosts"
  local packages
  mapfile -t packages < <(lab_packages)
  NOVACRON_LAB=$NOVACRON_DATA/lab NOVACRON_URL=http://$NOVACRON_LISTEN \
    go_test lab -timeout 35m -p 1 -count 1 -tags "lab,$ceph,$tags" "${packages[@]}"
  stage "browser tests on the stack"
  NOVACRON_URL=http://$NOVACRON_LISTEN npm --prefix ui run --silent e2e:stack | tee "$coverage/browser.log"
}

"$stack/packages.sh" up lab swift ceph sshfs test
mkdir -p "$coverage"
rm -f "$coverage"/*.out "$coverage"/*.log
stage "build"
make --no-print-directory build
if wanted lint; then stage "lint" && "$stack/lint.sh"; fi
if wanted unit; then unit; fi
if wanted race; then race; fi
if wanted temporal; then temporal; fi
if wanted ui; then interface; fi
if wanted lab; then lab; fi
if wanted unit && wanted lab; then check_coverage; fi
