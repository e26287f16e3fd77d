#!/usr/bin/env bash
# host.sh NAME RUN LAB: the first process of a simulated host, started in its own network, mount and UTS namespaces by
# lab.sh. It lays the host's own directories over the machine's and becomes the supervisor of its programs.
set -euo pipefail
name=$1 run=$2 lab=$3
repo=$(realpath "$(dirname "$(realpath "$0")")/../..")
emulator=$(dirname "$(realpath "$0")")/qemu.sh
hostname "$name"
echo 500 > /proc/self/oom_score_adj # short of memory, the machine must lose guests before the control plane

# /etc, /srv, /usr/bin and /var get a thin layer of the host's own, in memory, that carries the directories to mount on. Were those
# the machine's, whoever removes one of them there would take the mount away from every host (rmdir detaches it).
stage=/mnt
mount -t tmpfs -o mode=755 lab "$stage"
mkdir "$stage/lab" "$stage/repo"
mount --bind "$lab" "$stage/lab" # by now, because lab and checkout may lie beneath what is covered next
mount --bind "$repo" "$stage/repo"
disk=$stage/lab/hosts/$name
for top in /etc /srv /usr/bin /var; do
  mkdir -p "$stage/upper$top" "$stage/work$top"
  mount -t overlay -o "lowerdir=$top,upperdir=$stage/upper$top,workdir=$stage/work$top" lab "$top"
done
lay() { mkdir -p "$2" && mount --bind "$1" "$2"; }
case $repo in /etc/* | /srv/* | /var/*) lay "$stage/repo" "$repo" ;; esac # a layer would go on showing binaries that were replaced
case $lab in /etc/* | /srv/* | /var/*) lay "$stage/lab" "$lab" ;; esac # tests put files there for both sides to see
lay "$stage/lab/shared" /srv/novacron/shared
lay "$stage/lab/backups" /srv/novacron/backups
lay "$disk/etc/libvirt" /etc/libvirt
lay "$disk/lib/libvirt" /var/lib/libvirt
lay "$disk/cache/libvirt" /var/cache/libvirt
lay "$disk/novacron" /var/lib/novacron
lay "$disk/log" /var/log
rm -f /etc/resolv.conf # it may be a link; the layer takes the deletion
cp "$disk"/etc/{hosts,resolv.conf,machine-id} /etc/
echo "$name" > /etc/hostname
touch /usr/bin/qemu-system-x86_64.real
mount --bind /usr/bin/qemu-system-x86_64 /usr/bin/qemu-system-x86_64.real
mount --bind "$emulator" /usr/bin/qemu-system-x86_64 # no copy: libvirt asks QEMU for its powers anew when its ctime changes
echo $$ > "$run/holder"
mount --bind "$run" /run
cd /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 runsvdir -P /run/service
