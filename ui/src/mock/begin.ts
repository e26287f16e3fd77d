import type * as Noun from "@/api/nouns";
import type { Database } from "./database";
import { Run } from "./run";
import type { Script } from "./run";

const usually: Partial<Record<Noun.OperationKind, number>> = { provision: 5.4, migrate: 38, backup: 5, restore: 6, start: 1.8, stop: 3, delete: 1.4 };

export interface Start {
  kind: Noun.OperationKind;
  subject: Noun.Operation["subject"];
  volume?: string; // held besides the subject
  request: unknown;
  script: Script;
  tuned?: Noun.Tuning;
  actor?: string;
  parent?: string;
}

// begin records an operation and claims its VM, as the store's Accept does.
export function begin(database: Database, start: Start): Noun.Operation {
  const id = database.mint("op");
  const operation: Noun.Operation = {
    id,
    project_id: database.projects[0]!.id,
    kind: start.kind,
    state: "accepted",
    subject: start.subject,
    parent_id: start.parent,
    actor: start.actor ?? "admin",
    request: start.request,
    no_return: false,
    cancel_requested: false,
    created_at: database.now(),
    expected_seconds: (usually[start.kind] ?? 2) / database.config.speed,
  };
  database.operations.set(id, operation);
  database.runs.set(id, new Run(database, id, start.script, start.tuned));
  const volume = start.volume ?? (start.subject.kind === "volume" ? start.subject.id : undefined);
  if (volume) database.claims.set(volume, id);
  database.tell("operation.accepted", "operation", id, id);
  const vm = start.subject.kind === "vm" ? database.vms.get(start.subject.id) : undefined;
  if (vm) database.setVM(vm.id, { operation_id: id, operation_kind: start.kind }, "vm.claimed", id);
  if (start.subject.kind === "host") {
    database.hosts = database.hosts.map((host) => (host.id === start.subject.id ? { ...host, operation_id: id, cordoned: true, state: "cordoned" } : host));
    database.tell("host.cordoned", "host", start.subject.id, id);
  }
  return operation;
}

export const vmSubject = (vm: Noun.VM): Noun.Operation["subject"] => ({ kind: "vm", id: vm.id, name: vm.name });
