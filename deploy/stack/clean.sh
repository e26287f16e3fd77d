#!/usr/bin/env bash
# clean.sh: stops this stack and removes its data: inventory, histories, images, lab, and credentials.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
[[ -d $NOVACRON_DATA ]] || exit 0
need_root
[[ -d $NOVACRON_DATA/services || -L $NOVACRON_DATA/postgres || -d $NOVACRON_DATA/postgres || -d $NOVACRON_DATA/log ]] ||
  die "$NOVACRON_DATA does not look like the data of a stack; it was left alone." "Set NOVACRON_DATA to the right directory."
"$stack/down.sh"
mounted=$(awk -v below="$NOVACRON_DATA/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo)
[[ -z $mounted ]] || die "something is still mounted below $NOVACRON_DATA, and would be emptied too:" "$mounted"
if [[ -L $NOVACRON_DATA/postgres ]]; then
  rm -rf "/var/lib/novacron/${stack_id:?}"
fi
# The directories on which the lab's hosts mount pools are immutable.
find "$NOVACRON_DATA/lab/hosts" -mindepth 4 -maxdepth 4 -path '*/novacron/mounts/*' -exec chattr -i {} + 2>/dev/null || true
rm -rf "${NOVACRON_DATA:?}" "/run/novacron-${stack_id:?}"
say "removed $NOVACRON_DATA"
