#!/usr/bin/env bash
# host.sh NAME DISK RUN LAB: the first process of a simulated host, started in its own network, mount and UTS namespaces
# by lab.sh. It lays the host's own directories over the machine's and becomes the supervisor of its programs.
set -euo pipefail
name=$1 disk=$2 run=$3 lab=$4
hostname "$name"
echo 500 > /proc/self/oom_score_adj # short of memory, the machine must lose guests before the control plane
mount --bind "$lab/shared" /srv/novacron/shared
mount --bind "$lab/backups" /srv/novacron/backups
for file in hosts resolv.conf machine-id; do mount --bind "$disk/etc/$file" "/etc/$file"; done
mount --bind "$disk/etc/libvirt" /etc/libvirt
mount --bind "$disk/lib/libvirt" /var/lib/libvirt
mount --bind "$disk/cache/libvirt" /var/cache/libvirt
mount --bind "$disk/log" /var/log
mount --bind "$disk/novacron" /var/lib/novacron # after all that may be read from beneath it
echo $$ > "$run/holder"
mount --bind "$run" /run
cd /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 runsvdir -P /run/service
