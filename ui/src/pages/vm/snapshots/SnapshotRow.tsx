import type { Snapshot } from "@/api/nouns";
import { Button } from "@/ui/Button";
import { bytes, plural } from "@/ui/format";
import { State } from "@/ui/State";
import { snapshotLook } from "@/ui/states";
import { Tooltip } from "@/ui/Tooltip";
import { When } from "@/ui/When";
import { Gutter } from "./Gutter";
import type { Row } from "./tree";

export type Act = (snapshot: Snapshot, what: "revert" | "delete") => void;

interface Props {
  row: Row;
  act: Act;
  why: { revert?: string; delete?: string };
}

export function SnapshotRow({ row, act, why }: Props) {
  const { snapshot } = row;
  if (!snapshot) return <Now row={row} />;
  const early = snapshot.state === "ready" ? undefined : "It is not ready.";
  return (
    <li className="flex gap-2 pl-2">
      <Gutter row={row} />
      <div className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-4 border-b border-line py-2 pr-3 max-lg:pr-1">
        <div className="flex min-w-20 flex-1 flex-wrap items-baseline gap-x-2">
          <strong className="font-medium [overflow-wrap:anywhere]">{snapshot.name}</strong>
          {row.parent && <span className="sr-only">, taken after {row.parent.name}</span>}
          {snapshot.state !== "ready" && <State look={snapshotLook[snapshot.state]} />}
        </div>
        {snapshot.description && <p className="order-2 basis-full text-muted [overflow-wrap:anywhere]">{snapshot.description}</p>}
        <Facts snapshot={snapshot} />
        <div className="-my-1 flex shrink-0 gap-1 max-lg:order-1">
          <Button kind="ghost" why={early ?? why.revert} aria-label={`Revert to ${snapshot.name}`} onClick={() => act(snapshot, "revert")}>
            Revert…
          </Button>
          <Button kind="ghost" why={early ?? why.delete} aria-label={`Delete ${snapshot.name}`} onClick={() => act(snapshot, "delete")}>
            Delete…
          </Button>
        </div>
      </div>
    </li>
  );
}

function Facts({ snapshot: { disks, quiesced, state, created_at } }: { snapshot: Snapshot }) {
  const all = disks ?? [];
  const size = bytes(all.reduce((sum, disk) => sum + disk.size_bytes, 0));
  return (
    <div className="flex flex-wrap gap-x-4 text-muted max-lg:order-3 max-lg:basis-full lg:shrink-0 lg:flex-nowrap">
      <span className="lg:w-20">
        <When at={created_at} />
      </span>
      <span className="lg:w-40">{state !== "creating" && <Consistency quiesced={quiesced} />}</span>
      <span className="whitespace-nowrap lg:w-28 lg:text-right" title={all.map((disk) => `${disk.device}, ${bytes(disk.size_bytes)}`).join("; ")}>
        {all.length === 1 ? all[0]!.device : plural(all.length, "disk")}, {size}
      </span>
    </div>
  );
}

function Consistency({ quiesced }: { quiesced: boolean }) {
  const about = quiesced
    ? "The guest had frozen its file systems, or it was off."
    : "The guest did not freeze its file systems: it checks them when it starts from here.";
  return (
    <Tooltip text={about}>
      <span tabIndex={0} className="whitespace-nowrap">
        {quiesced ? "quiesced" : "as after a power cut"}
      </span>
    </Tooltip>
  );
}

function Now({ row }: { row: Row }) {
  return (
    <li className="flex gap-2 pl-2">
      <Gutter row={row} />
      <p className="min-w-0 flex-1 py-2 pr-3">
        <strong className="font-medium text-accent">Now</strong>{" "}
        <span className="text-muted">
          {row.parent ? (
            <>
              changed since <span className="font-medium">{row.parent.name}</span>
            </>
          ) : (
            "comes from none of these"
          )}
        </span>
      </p>
    </li>
  );
}
