#!/usr/bin/env bash
# generate.sh: everything that is generated and committed. `make test` fails when a result differs from what is committed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"

# The build of sqlc takes minutes: it is kept.
sqlc=$bin/sqlc-1.31.1
if [[ ! -x $sqlc ]]; then
  say "building sqlc (minutes, once)"
  GOBIN=$bin/.install go install github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1
  mv "$bin/.install/sqlc" "$sqlc"
fi
"$sqlc" generate -f schemas/sqlc.yaml
say "queries: internal/store/db"
go generate ./api
say "OpenAPI document: schemas/openapi.yaml"
npm --prefix ui run --silent generate
say "UI's types: ui/src/api"
