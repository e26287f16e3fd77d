import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { Operation, Page } from "@/api/nouns";
import { isFinal } from "@/api/can";
import { plural } from "@/ui/format";
import { OperationLine } from "./OperationLine";

const readEvery = 3_000; // ms, while it runs

// ChildOperations lists what an operation started in its turn, such as the migrations of a drain.
export function ChildOperations({ operation }: { operation: Operation }) {
  const parent = operation.kind === "drain";
  const { data } = useQuery({
    queryKey: ["operation", "children", operation.id],
    queryFn: ({ signal }) => get<Page<Operation>>("/operations", { parent: operation.id, limit: 500 }, signal),
    enabled: parent,
    refetchInterval: isFinal(operation) ? false : readEvery,
  });
  const children = data?.items?.filter((each) => each.parent_id === operation.id) ?? [];
  if (!parent || children.length === 0) return null;
  const done = children.filter(isFinal).length;
  return (
    <details open className="mx-4 mt-4 rounded border border-line">
      <summary className="cursor-pointer px-3 py-2 text-sm font-semibold select-none">
        {plural(children.length, "operation")} of its own, {done} ended
      </summary>
      <ul className="grid gap-x-8 px-3 sm:grid-cols-2 xl:grid-cols-3">
        {children.map((child) => (
          <li key={child.id} className="border-t border-line py-2">
            <OperationLine operation={child} />
          </li>
        ))}
      </ul>
    </details>
  );
}
