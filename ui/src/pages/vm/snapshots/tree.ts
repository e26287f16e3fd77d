import type { Snapshot } from "@/api/nouns";

// Row is a line of the tree: a snapshot, or the disks as they are now if it has none.
export interface Row {
  snapshot?: Snapshot;
  parent?: Snapshot;
  lane: number;
  passing: boolean[]; // for each lane to the left, whether its line goes on beside this row
  begins: boolean; // the first of its lane: it turns off from the lane to the left, or is a root
  goesOn: boolean;
}

// treeOf lays out a VM's snapshots, which come oldest first. What was taken one after the other stays in one lane, so that only
// what was turned away from is indented; the way to now is the lane at the left.
export function treeOf(all: Snapshot[]): Row[] {
  const known = new Map(all.map((each) => [each.id, each]));
  const children = (of?: Snapshot) => all.filter((each) => known.get(each.parent_id ?? "") === of);
  const current = all.find((each) => each.current);
  // One that is being taken will be the current one: it is drawn where it will stand.
  const beforeNow = all.find((each) => each.state === "creating" && known.get(each.parent_id ?? "") === current) ?? current;
  const toNow = new Set<Snapshot>();
  for (let at = beforeNow; at && !toNow.has(at); at = known.get(at.parent_id ?? "")) toNow.add(at);

  const rows: Row[] = [];
  const lay = (first: Snapshot, passing: boolean[]): void => {
    const lane = passing.length;
    let begins = true;
    for (let at: Snapshot | undefined = first; at; begins = false) {
      const after = children(at);
      const next: Snapshot | undefined = at === beforeNow ? undefined : (after.find((each) => toNow.has(each)) ?? after.at(-1));
      rows.push({ snapshot: at, parent: known.get(at.parent_id ?? ""), lane, passing, begins, goesOn: at === beforeNow || Boolean(next) });
      for (const each of after) if (each !== next) lay(each, [...passing, true]);
      if (at === beforeNow) rows.push({ parent: at, lane, passing, begins: false, goesOn: false });
      at = next;
    }
  };
  const roots = children();
  for (const root of roots) if (!toNow.has(root)) lay(root, []);
  for (const root of roots) if (toNow.has(root)) lay(root, []);
  if (all.length > 0 && toNow.size === 0) rows.push({ lane: 0, passing: [], begins: true, goesOn: false });
  return rows;
}
