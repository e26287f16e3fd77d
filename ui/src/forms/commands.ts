import type { Ask, CreateVM } from "@/api/actions";
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

export const cli = {
  createVM: (vm: CreateVM) =>
    words(
      "vm create",
      quoted(vm.name || "NAME"),
      option("image", vm.image),
      option("cpus", vm.cpus),
      option("memory", size(vm.memory_bytes)),
      option("disk", size(vm.disk_bytes)),
      option("pool", vm.pool),
      option("network", vm.network),
      option("host", vm.host),
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
  power: (action: string, vm: string, force = false) => words("vm", action, quoted(vm), force && "--force"),
  deleteVM: (vm: string) => words("vm delete", quoted(vm)),
  backup: (vm: string) => words("backup create", quoted(vm)),
  restore: (backup: string, name: string) => words("backup restore", backup, option("as", name || "NAME")),
};
