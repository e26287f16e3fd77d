import { Link } from "react-router";
import type { Operation } from "@/api/nouns";
import { useNow } from "@/ui/clock";
import { capitalised, duration } from "@/ui/format";
import { State } from "@/ui/State";
import { actorOf, nameOf, operationLook } from "@/ui/states";
import { When } from "@/ui/When";
import { isFinal } from "@/api/can";

// OperationLine is an operation in two lines: what on what, how far, and what it waits for.
export function OperationLine({ operation, follow }: { operation: Operation; follow?: () => void }) {
  const now = useNow();
  const since = Date.parse(operation.started_at ?? operation.created_at);
  return (
    <div className="text-sm">
      <div className="flex items-baseline justify-between gap-2">
        <Link to={`/operations/${operation.id}`} onClick={follow} className="min-w-0 truncate font-medium hover:underline">
          {nameOf(operation)}
        </Link>
        <State look={operationLook[operation.state]} />
      </div>
      <p className="text-xs text-muted">
        {actorOf(operation)} ·{" "}
        {isFinal(operation) ? <When at={operation.ended_at} /> : `for ${duration(Math.max(0, now - since))}`}
        {!isFinal(operation) && operation.expected_seconds ? `, usually ${duration(operation.expected_seconds * 1_000)}` : ""}
      </p>
      {operation.question && <p className="mt-0.5 text-xs text-attention">{operation.question}</p>}
      {operation.error && <p className="mt-0.5 text-xs text-failed">{capitalised(operation.error.message)}</p>}
    </div>
  );
}
