#!/usr/bin/env bash
# testdb.sh DIRECTORY: a throw-away PostgreSQL for tests, in the foreground until it is told to end. It keeps nothing: no
# fsync, and the directory may be removed afterwards. Tests reach it with NOVACRON_TEST_DATABASE_URL (see test.sh).
set -euo pipefail
directory=$(realpath -m "$1")
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
install -d -o postgres -g postgres -m 755 "$directory"
cd /
[[ -e $directory/data/PG_VERSION ]] ||
  chpst -u postgres:postgres "$programs/initdb" -D "$directory/data" -U postgres --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 >"$directory/initdb.log"
exec chpst -u postgres:postgres "$programs/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= -c fsync=off \
  -c full_page_writes=off -c synchronous_commit=off -c wal_level=minimal -c max_wal_senders=0 -c max_connections=400 \
  -c shared_buffers=128MB -c autovacuum=off -c timezone=UTC
