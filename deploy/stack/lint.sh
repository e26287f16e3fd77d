#!/usr/bin/env bash
# lint.sh: what can be said about the code without running it. Prints everything it finds before it fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"
"$stack/packages.sh" ceph test
failed=()

# check NAME COMMAND...
check() {
  local name=$1
  shift
  if "$@"; then say "lint: $name"; else failed+=("$name"); fi
}

# tool NAME VERSION MODULE: a linter as bin/NAME-VERSION, built once, because some of them take minutes.
tool() {
  local program=$bin/$1-$2
  if [[ ! -x $program ]]; then
    say "building $1 $2 (once)" >&2
    GOBIN=$bin/.install CGO_ENABLED=0 go install -ldflags '-s -w' "$3@v$2"
    mv "$bin/.install/${3##*/}" "$program"
  fi
  echo "$program"
}
golangci=$(tool golangci-lint 2.15.0 github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
compose_loader=$(tool compose-go 2.16.2 github.com/compose-spec/compose-go/v2/cmd)

scripts() { git ls-files '*.sh' .ci/run; }
go_code() { "$golangci" run ./...; }
temporal_code() { (cd deploy/temporal && test -z "$(gofmt -l . | tee /dev/stderr)" && go vet ./...); }
shell_code() { scripts | xargs shellcheck -x -P SCRIPTDIR; }
units() { ! command -v systemd-analyze >/dev/null || deploy/systemd/verify.sh; }

# compose loads the file as Docker's own plugin does, with something in place of each variable and with every profile.
compose() {
  local copy=$bin/.install/compose said
  mkdir -p "$copy"
  sed -E 's/\$\{[A-Z_]+(:[?-][^}]*)?\}/x/g; /^ *profiles:/d' docker-compose.yml >"$copy/docker-compose.yml"
  said=$("$compose_loader" "$copy/docker-compose.yml" 2>&1) || { echo "$said" >&2 && return 1; }
}

check "Go (golangci-lint: .golangci.yml)" go_code
check "Go of deploy/temporal" temporal_code
check "shell scripts" shell_code
check "systemd units" units
check "docker-compose.yml" compose
((${#failed[@]} == 0)) || die "lint found faults in: $(printf '%s; ' "${failed[@]}")" "Each is above, with its file and line."
