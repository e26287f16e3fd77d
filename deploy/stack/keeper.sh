#!/usr/bin/env bash
# keeper.sh: the service that keeps runsvdir running, as runsvdir keeps everything else running, this service included.
# So each may be killed, and the other brings it back; the services do not notice.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
source "$stack/services.sh"
trap 'exit 0' TERM
while :; do
  [[ -n $(supervisors) ]] || start_supervisor
  sleep 1 &
  wait $!
done
