#!/usr/bin/env bash
# guest.sh: makes the lab's guest image, if it is not there, and imports it as "guest" once.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
export NOVACRON_URL=http://$NOVACRON_LISTEN
cli() { "$bin/novacron" --context "$NOVACRON_DATA/context.json" "$@"; }

"$root/deploy/lab/guest/build.sh"
if cli image show guest >/dev/null 2>&1; then exit 0; fi
cli image import "$NOVACRON_DATA/lab/guest.qcow2" --name guest ||
  die "the guest image could not be imported; the reason is above."
say "image: guest imported"
