#!/usr/bin/env bash
# postgres.sh prepare|run|stop|psql [ARGS...]: the stack's private PostgreSQL cluster. It listens on a unix socket only,
# and lets in root (as novacron or postgres) and its own user, by what the kernel says about the other end.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
source "$stack/singleton.sh"

cluster=$NOVACRON_DATA/postgres # the cluster, or a link to it
outside=/var/lib/novacron/$stack_id

programs() {
  local version='*' directory
  [[ ! -r $cluster/PG_VERSION ]] || version=$(<"$cluster/PG_VERSION")
  # shellcheck disable=SC2086 # a pattern, unless the cluster says which version made it
  directory=$(printf '%s\n' /usr/lib/postgresql/$version/bin | sort -V | tail -1)
  [[ -x $directory/postgres ]] ||
    die "PostgreSQL ${version/'*'/15} is not installed." "Run: apt-get install postgresql-${version/'*'/15}"
  echo "$directory"
}

# as_owner COMMAND...: PostgreSQL refuses to run as root.
as_owner() { (cd / && exec chpst -u "$database_user:$database_user" "$@"); }

# locate makes the directory of the cluster. It belongs under the data directory; where its user cannot walk there (a
# checkout below /root), the directory is kept under /var/lib and linked to.
locate() {
  mkdir -p "$NOVACRON_DATA" "$state"
  if [[ -L $cluster ]]; then
    [[ $(readlink "$cluster") == "$outside/postgres" ]] || adopt
  elif [[ ! -e $cluster ]]; then
    if walkable "$NOVACRON_DATA"; then
      install -d -o "$database_user" -g "$database_user" -m 700 "$cluster"
    else
      [[ ! -e $outside/postgres ]] || mv "$outside" "$outside.left-behind-$(date +%s)"
      install -d -m 755 /var/lib/novacron "$outside"
      echo "$NOVACRON_DATA" >"$outside/belongs-to"
      install -d -o "$database_user" -g "$database_user" -m 700 "$outside/postgres"
      ln -s "$outside/postgres" "$cluster"
    fi
  fi
}

# adopt: the link leads to where another data directory keeps its cluster, so ours was moved or copied.
adopt() {
  local theirs belonged
  theirs=$(dirname "$(readlink "$cluster")")
  belonged=$(cat "$theirs/belongs-to" 2>/dev/null || true)
  [[ -d $theirs ]] || die "the database of this stack is gone: $theirs does not exist." \
    "Put it back from a backup, or start from nothing with: make clean"
  [[ ! -e $belonged/postgres ]] || die "$NOVACRON_DATA is a copy of $belonged, and both would use one database." \
    "Remove the copy's link ($cluster) to give it a database of its own."
  mv "$theirs" "$outside"
  echo "$NOVACRON_DATA" >"$outside/belongs-to"
  ln -sfn "$outside/postgres" "$cluster"
}

prepare() {
  locate
  local directory place system
  directory=$(programs)
  place=$(readlink -f "$cluster")
  if [[ ! -e $cluster/.complete ]]; then
    # initdb was killed half-way, or never ran: an incomplete cluster has no data worth keeping.
    find "$place" -mindepth 1 -delete
    as_owner "$directory/initdb" -D "$place" -U postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 \
      --data-checksums >"$logs/initdb.log" 2>&1 || die "could not make a PostgreSQL cluster." "initdb's words are in $logs/initdb.log."
    as_owner touch "$place/.complete"
  fi
  configuration | own_file postgresql.conf
  echo 'local all all peer map=novacron' | own_file pg_hba.conf
  for system in root "$database_user"; do
    printf 'novacron %s novacron\nnovacron %s postgres\n' "$system" "$system"
  done | own_file pg_ident.conf
}

# own_file NAME: standard input becomes a file of the cluster.
own_file() { as_owner tee "$place/$1" >/dev/null; }

configuration() {
  cat "$stack/postgresql.conf"
  printf "unix_socket_directories = '%s'\n" "${socket_directory//\'/\'\'}"
}

# run is what the supervisor starts: it ends in the postmaster, in this process.
run() {
  singleton postgres INT QUIT
  install -d -o "$database_user" -g "$database_user" -m 700 "$socket_directory"
  local place
  place=$(readlink -f "$cluster")
  # The lock says that no process of this cluster lives: what is left of an earlier one is stale, even if another process
  # has its number by now. PostgreSQL alone would refuse to start in that case.
  rm -f "$place/postmaster.pid" "$socket_directory"/.s.PGSQL.*
  cd /
  exec chpst -u "$database_user:$database_user" "$(programs)/postgres" -D "$place"
}

# stop asks for a fast shutdown: clients are told, their transactions roll back, a checkpoint is written.
stop() {
  local pid
  pid=$(head -1 "$cluster/postmaster.pid" 2>/dev/null) || return 0
  kill -s INT "$pid"
}

as_postgres() { "$(programs)/psql" -X -q -v ON_ERROR_STOP=1 -h "$socket_directory" -U postgres "$@"; }

accepts() { "$(programs)/pg_isready" -q -h "$socket_directory" -t 2; }

# ensure makes the role and the database of the inventory; Temporal makes its own.
ensure() {
  await "${1:-60}" accepts || die "PostgreSQL does not answer on $socket_directory." "Its log is $logs/postgres/current."
  as_postgres -d postgres <<'SQL'
SELECT 'CREATE ROLE novacron LOGIN CREATEDB' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'novacron') \gexec
SELECT 'CREATE DATABASE novacron OWNER novacron' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'novacron') \gexec
SQL
}

case ${1:-} in
  prepare | run | stop | ensure | accepts) "$@" ;;
  psql) shift && as_postgres "$@" ;;
  *) die "usage: postgres.sh prepare|run|stop|ensure|accepts|psql [ARGS...]" ;;
esac
