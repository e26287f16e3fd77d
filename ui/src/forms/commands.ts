import type { AddPool, AdoptVolume, Ask, AttachVolume, CloneVM, CreateVM, CreateVolume, DetachVolume, DiscardVolume, LimitDisk, MoveDisk, MoveVolume, PublishTemplate, PublishVM, TakeSnapshot } from "@/api/actions";
import type { Limits } from "@/api/nouns";

// The same request for a terminal: by the CLI and by curl.

const plainWord = /^[A-Za-z0-9._:/=@%+-]+$/;

export const quoted = (text: string): string => (plainWord.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export function curl(what: Ask, origin: string): string {
  const lines = [
    `curl -X ${what.method} ${origin}/api/v1${what.path}`,
    `-H "Authorization: Bearer $NOVACRON_TOKEN"`,
  ];
  if (what.body !== undefined && what.method !== "DELETE") {
    lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(what.body))}`);
  }
  return lines.join(" \\\n  ");
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

function size(amount: number): string {
  return amount % GiB === 0 ? `${amount / GiB}GiB` : `${amount / MiB}MiB`;
}

function words(...parts: (string | false | undefined)[]): string {
  return ["novacron", ...parts.filter(Boolean)].join(" ");
}

const option = (name: string, value: string | number | undefined): string | undefined =>
  value === undefined || value === "" ? undefined : `--${name} ${quoted(String(value))}`;

const versionOptions = (wanted: Omit<PublishTemplate, "image" | "generalised">) => [
  option("notes", wanted.notes),
  wanted.promote && "--promote",
  option("cpus", wanted.cpus),
  option("memory", wanted.memory_bytes && size(wanted.memory_bytes)),
  option("disk", wanted.disk_bytes && size(wanted.disk_bytes)),
  option("network", wanted.network),
  option("description", wanted.description),
  wanted.public && "--public",
];

export const cli = {
  createVM: (vm: CreateVM) =>
    words(
      "vm create",
      quoted(vm.name || "NAME"),
      option("image", vm.image),
      option("template", vm.template),
      option("cpus", vm.cpus),
      option("memory", vm.memory_bytes && size(vm.memory_bytes)),
      option("disk", vm.disk_bytes && size(vm.disk_bytes)),
      option("pool", vm.pool),
      option("network", vm.network),
      option("host", vm.host),
      vm.cloud_init?.user_data && "--user-data FILE",
      vm.cloud_init?.network_config && "--network-config FILE",
      ...(vm.cloud_init?.ssh_keys ?? []).map((each) => option("ssh-key", each)),
    ),
  migrate: (vm: string, to: string | undefined, cold: boolean, limits: Limits) =>
    words(
      "vm migrate",
      quoted(vm),
      option("to", to),
      cold && "--cold",
      option("bandwidth", limits.bandwidth_bytes_per_second && Math.round(limits.bandwidth_bytes_per_second / MiB)),
      option("max-downtime", limits.max_downtime_ms),
    ),
  growDisk: (vm: string, device: string, bytes: number) => words("vm grow-disk", quoted(vm), device !== "vda" && option("device", device), option("to", size(bytes))),
  moveDisk: (vm: string, device: string, { pool, bandwidth_bytes_per_second }: MoveDisk) =>
    words(
      "vm move-disk",
      quoted(vm),
      device !== "vda" && option("device", device),
      option("to", pool || "POOL"),
      option("bandwidth", bandwidth_bytes_per_second && Math.round(bandwidth_bytes_per_second / MiB)),
    ),
  limitDisk: (vm: string, device: string, { iops, bytes_per_second }: LimitDisk) =>
    words(
      "vm limit-disk",
      quoted(vm),
      device !== "vda" && option("device", device),
      option("iops", iops),
      option("bandwidth", bytes_per_second && Number((bytes_per_second / MiB).toFixed(3))),
      !iops && !bytes_per_second && "--none",
    ),
  createVolume: ({ name, size_bytes, pool, host }: CreateVolume) =>
    words("volume create", quoted(name || "NAME"), option("size", size(size_bytes)), option("pool", pool), option("host", host)),
  attachVolume: (vm: string, { volume, bus }: AttachVolume) => words("volume attach", quoted(volume || "NAME"), option("to", vm || "VM"), option("bus", bus)),
  detachVolume: (volume: string, { name, grace_seconds }: DetachVolume) =>
    words("volume detach", quoted(volume), option("name", name), option("grace", grace_seconds && `${grace_seconds}s`)),
  growVolume: (volume: string, bytes: number) => words("volume grow", quoted(volume), option("to", size(bytes))),
  moveVolume: (volume: string, { pool }: MoveVolume) => words("volume move", quoted(volume), option("to", pool || "POOL")),
  purgeVolume: (volume: string) => words("volume delete", quoted(volume), "--purge"),
  power: (action: string, vm: string, force = false) => words("vm", action, quoted(vm), force && "--force"),
  addPool: ({ name, settings: { local, netfs, rbd }, key, tier, overcommit, only_hosts }: AddPool) =>
    words(
      "pool add",
      quoted(name || "NAME"),
      option("directory", local?.directory),
      local?.shared && "--shared",
      option("mount", netfs?.protocol),
      option("source", netfs?.source),
      option("at", netfs?.at),
      option("options", netfs?.options),
      option("host-key", netfs?.host_key),
      ...(rbd?.monitors ?? []).map((each) => option("monitor", each)),
      option("ceph-pool", rbd?.pool),
      option("user", rbd?.user),
      key !== undefined && "--key-file FILE",
      option("tier", tier),
      option("overcommit", overcommit),
      ...(only_hosts ?? []).map((each) => option("host", each)),
    ),
  adoptVolume: (pool: string, volume: string, { name, host }: AdoptVolume) =>
    words("pool adopt", quoted(pool), volume, option("name", name || "NAME"), option("host", host)),
  discardVolume: (pool: string, volume: string, { host }: DiscardVolume) => words("pool discard", quoted(pool), volume, option("host", host)),
  publishTemplate: (wanted: PublishTemplate) =>
    words("template publish", quoted(wanted.name || "NAME"), option("image", wanted.image || "IMAGE"), wanted.generalised && "--generalised", ...versionOptions(wanted)),
  publishVM: (wanted: PublishVM) =>
    words(
      "template publish",
      quoted(wanted.name || "NAME"),
      option("vm", wanted.vm || "VM"),
      wanted.generalised && (wanted.generalised === "agent" ? "--generalise" : "--generalised"),
      ...versionOptions(wanted),
    ),
  changeVersion: (version: string, action: string) => words("template", action, quoted(version)),
  importImage: (from: string, name: string, sha256: string) => words("image import", quoted(from), option("name", name || "NAME"), option("sha256", sha256.trim())),
  cloneVM: (vm: string, { name, host, pool, start }: CloneVM) =>
    words("vm clone", quoted(vm), option("as", name || "NAME"), option("host", host), option("pool", pool), !start && "--no-start"),
  deleteVM: (vm: string) => words("vm delete", quoted(vm)),
  backup: (vm: string) => words("backup create", quoted(vm)),
  takeSnapshot: (vm: string, { name, description }: TakeSnapshot) => words("snapshot take", quoted(vm), quoted(name || "NAME"), option("description", description)),
  revertSnapshot: (vm: string, snapshot: string, start: boolean) => words("snapshot revert", quoted(vm), quoted(snapshot), start ? "--start" : "--no-start"),
  restore: (backup: string, name: string) => words("backup restore", backup, option("as", name || "NAME")),
};
