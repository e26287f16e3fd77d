import { http } from "msw";
import type { RequestHandler } from "msw";
import type { AttachVolume, DetachVolume, LimitDisk, MoveDisk } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import { labelOf } from "@/api/volume";
import { answer, Refusal } from "./answers";
import type { Asked } from "./answers";
import { vmSubject } from "./begin";
import type { Database } from "./database";
import { found, root } from "./handlers";
import * as scripts from "./scripts";
import * as volumeScripts from "./volume-scripts";
import { allowed, settle } from "./vms";
import { allowedOn, checkVolumeName } from "./volumes";

const letters = [..."abcdefghijklmnopqrstuvwxyz"];
const longestGrace = 3_600; // s
const leastIOPS = 10;
const leastRate = 64 * 2 ** 10; // bytes a second

export function diskHandlers(database: () => Database): RequestHandler[] {
  const one = (reference: string) => found(database().vm(reference), "VM", reference);
  const diskOf = (vm: Noun.VM, device: string) => found(database().disksOf(vm).find((each) => each.device === device), "disk", device);
  return [
    http.get(`${root}/vms/:vm/disks`, answer(database, ({ params }) => ({ items: database().disksOf(one(params.vm!)) }))),
    http.post(`${root}/vms/:vm/disks`, answer(database, (asked) => attach(database(), asked, one(asked.params.vm!)))),
    http.post(`${root}/vms/:vm/disks/:device/detach`, answer(database, (asked) => {
      const vm = one(asked.params.vm!);
      allowed(vm, "detach_volume");
      return detach(database(), asked, vm, diskOf(vm, asked.params.device!));
    })),
    http.post(`${root}/vms/:vm/disks/:device/grow`, answer(database, async (asked) => {
      const vm = one(asked.params.vm!);
      const { size_bytes } = (await asked.request.json()) as { size_bytes: number };
      allowed(vm, "grow_disk");
      const disk = diskOf(vm, asked.params.device!);
      if (size_bytes <= disk.size_bytes) throw new Refusal(422, `Disk ${disk.device} of VM ${vm.name} is as large already; a disk is never made smaller.`, "size_bytes");
      const script = scripts.growDisk(database(), vm, disk, size_bytes);
      return settle(database(), asked, { kind: "grow_disk", subject: vmSubject(vm), request: { vm_id: vm.id, size_bytes }, script });
    })),
    http.put(`${root}/vms/:vm/disks/:device/limits`, answer(database, async (asked) => {
      const vm = one(asked.params.vm!);
      const limits = (await asked.request.json()) as LimitDisk;
      checkLimits(limits);
      allowed(vm, "limit_disk");
      const disk = diskOf(vm, asked.params.device!);
      const script = volumeScripts.limitDisk(database(), vm, disk, limits);
      return settle(database(), asked, { kind: "limit_disk", subject: vmSubject(vm), request: { vm_id: vm.id, volume_id: disk.id, limits }, script });
    })),
    http.post(`${root}/vms/:vm/disks/:device/move`, answer(database, async (asked) => {
      const vm = one(asked.params.vm!);
      const { pool } = (await asked.request.json()) as MoveDisk;
      allowed(vm, "move_disk");
      const disk = diskOf(vm, asked.params.device!);
      if (!database().pools.some((each) => each.name === pool)) throw new Refusal(422, `There is no pool "${pool}"; name one of the list of pools.`, "pool");
      const script = scripts.moveDisk(database(), vm, disk, pool);
      return settle(database(), asked, { kind: "move_disk", subject: vmSubject(vm), request: { vm_id: vm.id, pool }, script });
    })),
  ];
}

function checkLimits({ iops, bytes_per_second: rate }: LimitDisk): void {
  if (iops && iops < leastIOPS) throw new Refusal(422, `A volume is limited to at least ${leastIOPS} requests a second, not ${iops}; 0 is no limit.`, "iops");
  if (rate && rate < leastRate) throw new Refusal(422, `A volume is limited to at least ${leastRate} bytes a second, not ${rate}; 0 is no limit.`, "bytes_per_second");
}

async function attach(database: Database, asked: Asked, vm: Noun.VM): Promise<unknown> {
  const body = (await asked.request.json()) as AttachVolume;
  allowed(vm, "attach_volume");
  const volume = database.volume(body.volume);
  if (!volume) throw new Refusal(422, `There is no volume "${body.volume}"; name one of the list of volumes.`, "volume");
  allowedOn(volume, "attach");
  checkReach(database, volume, vm);
  const prefix = body.bus === "scsi" ? "sd" : "vd";
  const taken = database.disksOf(vm).map((disk) => disk.device);
  const device = letters.map((letter) => prefix + letter).find((each) => !taken.includes(each));
  if (!device) throw new Refusal(409, `The VM has ${letters.length} disks on bus ${body.bus}, which is all that fit; choose the other bus.`, "bus");
  const script = volumeScripts.attachVolume(database, vm, volume, device);
  const start = { kind: "attach_volume" as const, subject: vmSubject(vm), request: { vm_id: vm.id, volume_id: volume.id, device }, script, volume: volume.id };
  return settle(database, asked, start, undefined, [`The VM sees it as disk ${device}.`, "The next backup is a full one."]);
}

function checkReach(database: Database, volume: Noun.Volume, vm: Noun.VM): void {
  const host = database.host(vm.host_id);
  if (volume.host_id && volume.host_id !== vm.host_id) {
    throw new Refusal(
      409,
      `Volume ${labelOf(volume)} is in pool ${volume.pool} of host ${volume.host_name}, and the VM is on ${vm.host_name}: migrate the VM there first, or use a volume in a shared pool.`,
    );
  }
  if (!host || !database.reaches(host, volume.pool)) {
    throw new Refusal(409, `Host ${vm.host_name} does not reach pool ${volume.pool}, which holds volume ${labelOf(volume)}; see novacron pool show ${volume.pool}.`);
  }
}

async function detach(database: Database, asked: Asked, vm: Noun.VM, disk: Noun.Disk): Promise<unknown> {
  const body = (await asked.request.json().catch(() => ({}))) as DetachVolume;
  const grace = body.grace_seconds ?? 1;
  if (grace < 1 || grace > longestGrace) throw new Refusal(422, `grace_seconds is between 1 and ${longestGrace}.`, "grace_seconds");
  allowedOn(disk, "detach");
  if (!disk.name && !body.name) throw new Refusal(422, `Disk ${disk.device} has no name yet; say by which name the volume is to be known.`, "name");
  if (disk.name && body.name && body.name !== disk.name) throw new Refusal(422, `Volume ${disk.name} has its name already; leave the name out.`, "name");
  const name = disk.name ?? body.name!;
  if (!disk.name) checkVolumeName(database, name);
  const script = volumeScripts.detachVolume(database, vm, disk, name);
  const start = { kind: "detach_volume" as const, subject: vmSubject(vm), request: { vm_id: vm.id, volume_id: disk.id, name, grace_seconds: body.grace_seconds }, script, volume: disk.id };
  return settle(database, asked, start, undefined, ["Unmount it in the guest first: the guest has to let go of it.", "The next backup is a full one."]);
}
