import { Link } from "react-router";
import type { Volume } from "@/api/nouns";
import { labelOf } from "@/api/volume";
import type { Column } from "@/table/Table";
import { ID } from "@/ui/Copy";
import { bytes } from "@/ui/format";
import { State } from "@/ui/State";
import { doingOf, volumeLook } from "@/ui/states";
import { When } from "@/ui/When";
import { RowActions } from "./RowActions";

// Doing is what an operation does to it, or what the trash will.
function Doing({ volume }: { volume: Volume }) {
  if (volume.operation_id) {
    return (
      <Link to={`/operations/${volume.operation_id}`} className="text-working hover:underline">
        {doingOf(volume.operation_kind ?? "operation")}…
      </Link>
    );
  }
  if (volume.state !== "trashed") return null;
  return (
    <>
      deleted <When at={volume.purge_at} />
    </>
  );
}

const attached: Column<Volume> = {
  id: "vm",
  title: "Attached to",
  width: 130,
  grow: 1,
  priority: 1,
  sort: (volume) => volume.vm_name ?? "",
  cell: (volume) =>
    volume.vm_name ? (
      <>
        <Link to={`/vms/${volume.vm_name}`} className="hover:underline">
          {volume.vm_name}
        </Link>
        <span className="text-muted"> as {volume.device}</span>
      </>
    ) : (
      <span className="text-muted">–</span>
    ),
};

export const volumeColumns: Column<Volume>[] = [
  {
    id: "name",
    title: "Name",
    width: 140,
    grow: 2,
    priority: 0,
    sort: labelOf,
    cell: (volume) => (
      <span title={labelOf(volume)} className={volume.name ? "font-medium" : "text-muted"}>
        {labelOf(volume)}
      </span>
    ),
  },
  { id: "state", title: "State", width: 120, priority: 0, sort: (volume) => volume.state, cell: (volume) => <State look={volumeLook[volume.state]} /> },
  { id: "doing", title: "Doing now", width: 150, grow: 1, priority: 3, sort: (volume) => volume.operation_kind ?? volume.purge_at ?? "", cell: (volume) => <Doing volume={volume} /> },
  attached,
  {
    id: "pool",
    title: "Pool",
    width: 90,
    grow: 1,
    priority: 4,
    sort: (volume) => volume.pool,
    cell: (volume) => (
      <Link to={`/storage/${volume.pool}`} className="hover:underline">
        {volume.pool}
      </Link>
    ),
  },
  {
    id: "host",
    title: "Host",
    width: 80,
    grow: 1,
    priority: 5,
    sort: (volume) => volume.host_name ?? "",
    cell: (volume) =>
      volume.host_name ? (
        <Link to={`/hosts/${volume.host_name}`} className="hover:underline">
          {volume.host_name}
        </Link>
      ) : (
        <span className="text-muted">any</span>
      ),
  },
  { id: "size", title: "Size", width: 90, right: true, priority: 2, sort: (volume) => volume.size_bytes, cell: (volume) => bytes(volume.size_bytes) },
  { id: "id", title: "ID", width: 130, priority: 8, cell: (volume) => <ID id={volume.id} /> },
  { id: "made", title: "Made", width: 90, right: true, priority: 6, sort: (volume) => volume.created_at, cell: (volume) => <When at={volume.created_at} /> },
  { id: "actions", title: "", width: 48, right: true, priority: 0, cell: (volume) => <RowActions volume={volume} /> },
];
