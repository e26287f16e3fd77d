import type { ReactNode } from "react";
import { Link } from "react-router";
import { isFinal } from "@/api/can";
import type { Operation } from "@/api/nouns";
import { usePages } from "@/api/pages";
import { operations } from "@/api/queries";
import type { OperationFilter } from "@/api/queries";
import { serverNow } from "@/api/skew";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { at } from "@/timeline/layout";
import { useNow } from "@/ui/clock";
import { ID } from "@/ui/Copy";
import { capitalised, duration } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Loading } from "@/ui/Page";
import { State } from "@/ui/State";
import { actorOf, nameOf, operationLook } from "@/ui/states";
import { When } from "@/ui/When";

function Took({ operation }: { operation: Operation }) {
  const now = serverNow(useNow());
  const began = at(operation.started_at);
  if (began === undefined) return null;
  return <>{duration(Math.max(0, (at(operation.ended_at) ?? now) - began))}</>;
}

// Outcome is what is most worth knowing: what it waits for, why it failed, what it left.
function Outcome({ operation }: { operation: Operation }) {
  if (operation.question && !isFinal(operation)) return <span className="text-attention" title={operation.question}>{operation.question}</span>;
  if (operation.leaks?.length) return <span className="text-attention" title={operation.leaks[0]!.detail}>Left something behind: {operation.leaks[0]!.detail}</span>;
  if (operation.error) return <span title={operation.error.message}>{capitalised(operation.error.message)}</span>;
  return null;
}

const columns: Column<Operation>[] = [
  {
    id: "what",
    title: "Operation",
    width: 150,
    grow: 2,
    priority: 0,
    cell: (operation) => (
      <Link to={`/operations/${operation.id}`} className="font-medium hover:underline">
        {nameOf(operation)}
      </Link>
    ),
  },
  { id: "state", title: "State", width: 116, priority: 0, cell: (operation) => <State look={operationLook[operation.state]} /> },
  { id: "outcome", title: "Remarks", width: 160, grow: 3, priority: 4, cell: (operation) => <Outcome operation={operation} /> },
  { id: "actor", title: "By", width: 150, grow: 1, priority: 5, cell: (operation) => <span title={actorOf(operation)}>{actorOf(operation)}</span> },
  { id: "took", title: "Took", width: 100, right: true, priority: 3, cell: (operation) => <Took operation={operation} /> },
  { id: "created", title: "Asked", width: 100, right: true, priority: 2, cell: (operation) => <When at={operation.created_at} /> },
  { id: "id", title: "ID", width: 120, priority: 7, cell: (operation) => <ID id={operation.id} /> },
];

interface Props {
  filter: OperationFilter;
  empty: ReactNode;
  short?: boolean;
}

export function OperationsTable({ filter, empty, short }: Props) {
  const list = usePages(operations(filter));
  if (list.error) return <Failure error={list.error} retry={list.retry} />;
  if (list.loading) return <Loading what="operations" />;
  return <Table name="Operations" rows={list.rows} columns={columns} id={(operation) => operation.id} more={list.more} empty={empty} short={short} />;
}
