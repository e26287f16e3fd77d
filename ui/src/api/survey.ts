import { isFinal } from "./can";
import type { Held, Operation, Survey } from "./nouns";

// surveyOf is what a comparison of a pool with the inventory found, once it has.
export function surveyOf({ kind, state, result }: Operation): Survey | undefined {
  return kind === "scan_pool" && state === "succeeded" && result ? (result as Survey) : undefined;
}

export const isClean = ({ strays, missing }: Survey): boolean => strays.length === 0 && missing.length === 0;

const fates: Partial<Record<Operation["kind"], [doing: string, done: string]>> = {
  adopt_volume: ["being taken in", "taken in"],
  discard_volume: ["being deleted", "deleted"],
};

export interface Fate {
  word: string;
  operation: Operation;
}

// fateOf is what has become, or becomes, of a stray since the comparison: a stray has the ID of one volume, in one pool of one
// host. What failed changed nothing.
export function fateOf(stray: Held, scan: Operation, operations: Operation[]): Fate | undefined {
  for (const operation of operations) {
    const words = fates[operation.kind];
    const asked = operation.request as { pool?: string; host_id?: string } | null;
    const same = operation.subject.id === stray.volume_id && asked?.pool === scan.subject.name && (!stray.host_id || asked.host_id === stray.host_id);
    if (!words || !same || operation.created_at < scan.created_at || operation.state === "failed" || operation.state === "cancelled") continue;
    const name = operation.kind === "adopt_volume" ? ` as ${operation.subject.name}` : "";
    return { word: words[isFinal(operation) ? 1 : 0] + name, operation };
  }
  return undefined;
}
