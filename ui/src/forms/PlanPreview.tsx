import { useQuery } from "@tanstack/react-query";
import { hosts } from "@/api/queries";
import type { Plan } from "@/api/nouns";
import { Failure } from "@/ui/Notice";
import type { Preview } from "./start";

// PlanPreview shows what a request would do: where, in which steps, and what is worth knowing before.
export function PlanPreview({ preview, hideError }: { preview: Preview; hideError?: boolean }) {
  const { plan, error } = preview;
  if (error) return hideError ? null : <Failure error={error} />;
  if (!plan) return <p className="min-h-10 text-xs text-muted">What it would do is shown here before you start it.</p>;
  return (
    <div className={`rounded border border-line bg-sunken px-3 py-2 text-sm ${preview.pending ? "opacity-60" : ""}`}>
      <Placement plan={plan} />
      <details>
        <summary className="cursor-pointer text-muted select-none">{plan.steps?.length ?? 0} steps</summary>
        <PlanSteps plan={plan} />
      </details>
      {plan.notes?.map((note) => (
        <p key={note} className="mt-1 text-xs text-attention">
          {note}
        </p>
      ))}
    </div>
  );
}

const placed = new Set<string>(["provision", "restore", "migrate"]);

function Placement({ plan }: { plan: Plan }) {
  const { data } = useQuery(hosts());
  if (!plan.host_id || !placed.has(plan.kind)) return null;
  const name = data?.find((host) => host.id === plan.host_id)?.name ?? plan.host_id;
  return (
    <p className="mb-1">
      {plan.kind === "migrate" ? "It would move to" : "It would run on"} <strong className="font-semibold">{name}</strong> if started now.
    </p>
  );
}

export function PlanSteps({ plan }: { plan: Plan }) {
  return (
    <ol className="mt-1 list-decimal space-y-0.5 pl-5 text-xs">
      {plan.steps?.map((step) => (
        <li key={step.name}>
          {step.title}
          {step.no_return && <strong className="text-attention"> — no return from here</strong>}
          {step.undo && <span className="text-muted"> (undo: {step.undo})</span>}
        </li>
      ))}
    </ol>
  );
}
