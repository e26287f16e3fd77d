import { http } from "msw";
import type { RequestHandler } from "msw";
import { answer } from "./answers";
import type { Database } from "./database";
import { found, root } from "./handlers";
import { begin, vmSubject } from "./begin";
import * as scripts from "./scripts";
import { place, settle } from "./vms";

export function hostHandlers(database: () => Database): RequestHandler[] {
  const one = (reference: string) => found(database().host(reference), "host", reference);
  const cordon = (on: boolean) =>
    answer(database, ({ params }) => {
      const host = one(params.host!);
      const next = { ...host, cordoned: on, state: host.state === "offline" ? host.state : on ? ("cordoned" as const) : ("ready" as const) };
      database().hosts = database().hosts.map((each) => (each.id === host.id ? next : each));
      database().tell(on ? "host.cordoned" : "host.uncordoned", "host", host.id);
      return next;
    });
  return [
    http.get(`${root}/hosts`, answer(database, () => ({ items: database().loadedHosts() }))),
    http.get(`${root}/hosts/:host`, answer(database, ({ params }) => database().loadedHosts().find((host) => host.id === one(params.host!).id))),
    http.post(`${root}/hosts/enrolment-tokens`, answer(database, () => ({ token: "nce_7QG5ZK2M4T9XB1", expires_at: new Date(Date.now() + 3_600_000).toISOString() }))),
    http.post(`${root}/hosts/:host/cordon`, cordon(true)),
    http.post(`${root}/hosts/:host/uncordon`, cordon(false)),
    http.post(`${root}/hosts/:host/drain`, answer(database, async (asked) => {
      const host = one(asked.params.host!);
      const vms = [...database().vms.values()].filter((vm) => vm.host_id === host.id && vm.state === "running" && !vm.operation_id);
      const drain = await settle(database(), asked, { kind: "drain", subject: { kind: "host", id: host.id, name: host.name }, request: { host_id: host.id }, script: scripts.drain(vms.length) }, undefined, [`${vms.length} VMs would move.`]);
      if (asked.query.get("dry_run")) return drain;
      for (const vm of vms.slice(0, 40)) {
        const to = place(database(), undefined, vm.spec.memory_bytes, "host", host.id);
        begin(database(), { kind: "migrate", subject: vmSubject(vm), request: { vm_id: vm.id, to_host_id: to.id }, script: scripts.migrate(database(), vm, to, {}, {}, 8), parent: (drain as { id: string }).id });
      }
      return drain;
    })),
    http.delete(`${root}/hosts/:host`, answer(database, ({ params }) => {
      const host = one(params.host!);
      database().hosts = database().hosts.filter((each) => each.id !== host.id);
      database().tell("host.removed", "host", host.id);
      return undefined;
    })),
  ];
}
