import { http } from "msw";
import type { RequestHandler } from "msw";
import type { TakeSnapshot } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import { answer, Refusal } from "./answers";
import type { Asked } from "./answers";
import { vmSubject } from "./begin";
import type { Database } from "./database";
import { found, root } from "./handlers";
import { addSnapshot, deleteSnapshot, newSnapshot, revertSnapshot, snapshotsOf, takeSnapshot } from "./snapshot-scripts";
import { allowed, settle } from "./vms";

const mostOfVM = 32;

export function snapshotHandlers(database: () => Database): RequestHandler[] {
  const path = `${root}/vms/:vm/snapshots`;
  const machine = ({ params }: Asked) => found(database().vm(params.vm!), "VM", params.vm!);
  const one = (vm: Noun.VM, { params: { snapshot } }: Asked) => {
    const wanted = snapshotsOf(database(), vm).find((each) => each.id === snapshot || each.name === snapshot);
    if (!wanted) throw new Refusal(404, `The VM has no snapshot ${snapshot}; list them with novacron snapshot list VM.`);
    return wanted;
  };
  return [
    http.get(path, answer(database, (asked) => ({ items: snapshotsOf(database(), machine(asked)) }))),
    http.get(`${path}/:snapshot`, answer(database, (asked) => one(machine(asked), asked))),
    http.post(path, answer(database, (asked) => take(database(), asked, machine(asked)))),
    http.post(`${path}/:snapshot/revert`, answer(database, (asked) => {
      const vm = machine(asked);
      return revert(database(), asked, vm, one(vm, asked));
    })),
    http.delete(`${path}/:snapshot`, answer(database, (asked) => {
      const vm = machine(asked);
      const snapshot = one(vm, asked);
      allowed(vm, "delete_snapshot");
      const request = { vm_id: vm.id, snapshot_id: snapshot.id };
      return settle(database(), asked, { kind: "delete_snapshot", subject: vmSubject(vm), request, script: deleteSnapshot(database(), vm, snapshot) });
    })),
  ];
}

async function take(database: Database, asked: Asked, vm: Noun.VM): Promise<unknown> {
  const body = (await asked.request.json()) as TakeSnapshot;
  allowed(vm, "take_snapshot");
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(body.name)) {
    throw new Refusal(422, `"${body.name}" is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.`, "name");
  }
  if (vm.snapshots >= mostOfVM) throw new Refusal(409, `The VM has ${vm.snapshots} snapshots, which is all that it may have; delete one first.`);
  const made = newSnapshot(database, vm, body);
  if (!asked.query.get("dry_run")) {
    const taken = snapshotsOf(database, vm).some((each) => each.name === body.name);
    if (taken) throw new Refusal(409, `There is already a snapshot of this VM named ${body.name}; take another name.`, "name");
    addSnapshot(database, made);
  }
  const start = { kind: "take_snapshot" as const, subject: vmSubject(vm), request: { vm_id: vm.id, snapshot_id: made.id }, script: takeSnapshot(database, vm, made) };
  return settle(database, asked, start, undefined, ["While the VM has snapshots its disks stay in their pools and keep their sizes."]);
}

async function revert(database: Database, asked: Asked, vm: Noun.VM, snapshot: Noun.Snapshot): Promise<unknown> {
  const body = (await asked.request.json().catch(() => ({}))) as { start?: boolean };
  allowed(vm, "revert_snapshot");
  if (snapshot.state !== "ready") throw new Refusal(409, `Snapshot ${snapshot.name} is ${snapshot.state}, so the VM cannot be set back to it.`);
  const power = body.start ?? (vm.state === "running" || vm.state === "paused");
  const notes = ["What is on the VM's disks now is lost, unless another snapshot holds it.", "The next backup is a full one."];
  if ((vm.volume_ids ?? []).length > (snapshot.disks ?? []).length) notes.push("Disks that were attached after the snapshot stay as they are.");
  const request = { vm_id: vm.id, snapshot_id: snapshot.id, start: power };
  return settle(database, asked, { kind: "revert_snapshot", subject: vmSubject(vm), request, script: revertSnapshot(database, vm, snapshot, power) }, undefined, notes);
}
