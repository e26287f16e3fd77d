#!/usr/bin/env bash
# verify.sh: systemd's own opinion of the units, in a root directory that has the programs which they start.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for unit in "$here"/*.service; do
  sed -E 's#=/usr/bin/novacron-[a-z]+#=/bin/true#' "$unit" >"$place/$(basename "$unit")"
done
# Units of other packages (libvirtd, postgresql) need not be installed here; what else it says is about ours.
if said=$(systemd-analyze verify --man=no --recursive-errors=no "$place"/*.service 2>&1 | grep -F "$place") && [[ -n $said ]]; then
  echo "$said" >&2
  exit 1
fi
