import type { Database } from "./database";
import { addSnapshot, keepSnapshot, newSnapshot } from "./snapshot-scripts";

const hour = 3_600_000;

interface Taken {
  name: string;
  after?: string; // reverted to that one before
  description?: string;
  torn?: boolean; // as after a power cut
}

// One that was turned back twice, and one that has gone on for long.
const histories: Record<string, Taken[]> = {
  "api-2": [
    { name: "fresh", description: "As it came from its image" },
    { name: "configured" },
    { name: "before-upgrade", description: "Release 4.2, the night before it went to 4.3" },
    { name: "upgrade-tried", description: "4.3, with which the queue stood still", torn: true },
    { name: "upgrade-patched", torn: true },
    { name: "driver-swapped", after: "upgrade-tried", description: "The same with the driver that its maker sent" },
    { name: "upgraded", after: "before-upgrade", description: "4.3.1, which works" },
    { name: "tuned", torn: true },
  ],
  "build-1": Array.from({ length: 14 }, (_, index) => ({ name: `week-${index + 23}`, torn: index % 5 === 3, after: index === 9 ? "week-28" : undefined })),
};

export function addSnapshots(database: Database, start: number): void {
  for (const [machine, taken] of Object.entries(histories)) {
    taken.forEach(({ name, after, description, torn }, index) => {
      const vm = database.vm(machine);
      if (!vm) return;
      database.clock = () => start - (taken.length - index) * 31 * hour;
      const parent = [...database.snapshots.values()].find((each) => each.vm_id === vm.id && each.name === after);
      const made = newSnapshot(database, parent ? { ...vm, snapshot_id: parent.id } : vm, { name, description });
      addSnapshot(database, made);
      keepSnapshot(database, made, !torn);
    });
  }
}
