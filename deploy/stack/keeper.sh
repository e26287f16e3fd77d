#!/usr/bin/env bash
# keeper.sh: the service that keeps runsvdir running, as runsvdir keeps everything else running, this service included.
# So each may be killed, and the other brings it back; the services do not notice.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
source "$stack/services.sh"
trap 'exit 0' TERM
supervisor=''
while :; do
  if ! supervises "${supervisor:-none}"; then
    supervisor=$(supervisors | head -1)
    [[ -n $supervisor ]] || start_supervisor
  fi
  sleep 1 &
  wait $!
done
