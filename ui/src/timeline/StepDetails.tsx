import { X } from "lucide-react";
import type { Progress, Step } from "@/api/nouns";
import { Button } from "@/ui/Button";
import { bytes, capitalised, duration, plural } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Notice } from "@/ui/Notice";
import { Facts } from "@/ui/Page";
import { State } from "@/ui/State";
import { stepLook } from "@/ui/states";
import { When } from "@/ui/When";
import { JSONFacts } from "./Facts";
import { at } from "./layout";
import { parsed } from "./words";

export function amount(progress: Progress): string {
  if (progress.unit === "bytes") return `${bytes(progress.done)} of ${bytes(progress.total)}`;
  return `${progress.done.toLocaleString("en")} of ${progress.total.toLocaleString("en")} ${progress.unit === "vms" ? "VMs" : progress.unit}`;
}

interface Props {
  step: Step;
  now: number;
  close: () => void;
}

// StepDetails tells all about one lane.
export function StepDetails({ step, now, close }: Props) {
  const began = at(step.started_at);
  const ended = at(step.ended_at);
  const waited = began !== undefined && at(step.scheduled_at) !== undefined ? began - at(step.scheduled_at)! : undefined;
  const where = step.host_name || (step.queue === "control" ? "control plane" : step.queue) || "–";
  return (
    <section aria-label={`Step ${step.title}`} className="space-y-3 p-3">
      <header className="flex items-start justify-between gap-2">
        <div>
          <h2 className="text-sm font-semibold">{step.title}</h2>
          <p className="text-sm">
            <State look={stepLook[step.state]} />
          </p>
        </div>
        <Button kind="ghost" square aria-label="Close the details" onClick={close}>
          <X className="size-4" />
        </Button>
      </header>
      {step.progress && (
        <Meter label="Progress" fraction={step.progress.total ? step.progress.done / step.progress.total : 0} text={amount(step.progress)} />
      )}
      {step.error && (
        <Notice tone={step.state === "failed" ? "failed" : "attention"}>
          <p>{capitalised(step.error)}</p>
          {step.next && <p className="mt-1 text-muted">{step.next}</p>}
        </Notice>
      )}
      <Facts
        rows={[
          ["Where", where],
          ["Worker", step.worker || "–"],
          ["Began", <When key="began" at={step.started_at} never="not yet" />],
          ["Took", began === undefined ? "–" : duration((ended ?? now) - began)],
          ["Waited before", waited === undefined ? "–" : duration(waited)],
          ["Attempts", step.calls > 1 ? `${step.attempts} in ${plural(step.calls, "call")}` : String(step.attempts)],
          ...(step.no_return ? ([["Note", "From here on it cannot be cancelled or undone."]] as [string, string][]) : []),
        ]}
      />
      <JSONFacts title="Given" value={parsed(step.input)} />
      <JSONFacts title="Came of it" value={parsed(step.result)} />
    </section>
  );
}
