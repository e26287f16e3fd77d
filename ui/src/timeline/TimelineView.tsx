import { useRef } from "react";
import type { CSSProperties } from "react";
import type { Operation, Timeline } from "@/api/nouns";
import { canCancel, isFinal } from "@/api/can";
import { serverNow } from "@/api/skew";
import { useWidth } from "@/table/width";
import { useFastNow } from "@/ui/clock";
import { duration } from "@/ui/format";
import { Facts } from "@/ui/Page";
import { labelPixels, Lanes } from "./Lanes";
import { at, keyOf, spanOf } from "./layout";
import { finding, roundsOf } from "./migration";
import { RoundsChart } from "./RoundsChart";
import { RoundsTable } from "./RoundsTable";
import { StepDetails } from "./StepDetails";
import { Steering } from "./Steering";

interface Props {
  operation: Operation;
  timeline: Timeline;
  selected: string | undefined;
  select: (key: string | undefined) => void;
}

// TimelineView is an operation on one axis of time: lanes, the rounds of a migration under them, and beside them the
// details of the selected lane and the controls.
export function TimelineView({ operation, timeline, selected, select }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const going = !isFinal(operation);
  const now = serverNow(useFastNow(going));
  const span = spanOf(operation, timeline, now);
  const migration = timeline.migration;
  const step = timeline.steps?.find((each) => keyOf(each) === selected);
  const steering = operation.kind === "migrate" && going && migration;
  const rounds = migration ? roundsOf(migration) : [];
  const verdict = canCancel(operation);
  const aside = Boolean(step || steering);
  return (
    <div className={`grid border-y border-line ${aside ? "lg:grid-cols-[minmax(0,1fr)_22rem]" : ""}`}>
      <div ref={frame} className="min-w-0" style={{ "--labels": `${labelPixels(width)}px` } as CSSProperties}>
        <Lanes
          timeline={timeline}
          span={span}
          now={now}
          selected={selected}
          select={(key) => select(key === selected ? undefined : key)}
          width={width}
        />
        {migration && rounds.length > 0 && (
          <>
            <h2 className="px-4 pt-4 pb-2 text-sm font-semibold">{finding(migration)}</h2>
            <RoundsChart migration={migration} span={span} until={roundsEnd(timeline, now)} going={going && !migration.outcome} />
            <Downtime timeline={timeline} />
            <RoundsTable migration={migration} />
          </>
        )}
      </div>
      {aside && (
        <aside className="border-line max-lg:border-t lg:border-l">
          {steering && (
            <Steering
              operation={operation}
              why={verdict.allowed ? undefined : verdict.reason}
              postCopy={rounds.some((round) => round.post_copy)}
            />
          )}
          {step && <StepDetails step={step} now={now} close={() => select(undefined)} />}
        </aside>
      )}
    </div>
  );
}

// roundsEnd is when the copying of memory ended, or now.
function roundsEnd(timeline: Timeline, now: number): number {
  const rounds = roundsOf(timeline.migration!);
  const first = rounds[0]!;
  const total = timeline.migration!.outcome?.total_ms;
  if (total !== undefined) return Date.parse(first.at) - first.elapsed_ms + total;
  const last = Date.parse(rounds[rounds.length - 1]!.at);
  const final = timeline.state === "succeeded" || timeline.state === "failed" || timeline.state === "cancelled";
  const step = timeline.steps?.find((each) => !each.undo && at(each.started_at)! <= last && (at(each.ended_at) ?? Infinity) >= last);
  return final || step?.ended_at ? Math.max(last, at(step?.ended_at) ?? last) : now;
}

function Downtime({ timeline }: { timeline: Timeline }) {
  const outcome = timeline.migration?.outcome;
  if (!outcome) return null;
  const predicted = timeline.migration?.expected_downtime_ms;
  const verdict = predicted ? ` (${duration(predicted)} were predicted, ${comparison(outcome.downtime_ms, predicted)})` : "";
  return (
    <div className="px-4 pt-3">
      <Facts
        rows={[
          ["Stood still for", <strong key="downtime">{duration(outcome.downtime_ms) + verdict}</strong>],
          ["Copying took", duration(outcome.total_ms)],
          ["Set-up took", duration(outcome.setup_ms)],
        ]}
      />
    </div>
  );
}

function comparison(real: number, predicted: number): string {
  const change = Math.round((real / predicted - 1) * 100);
  if (Math.abs(change) <= 5) return "as it came";
  return change > 0 ? `${change}% longer than that` : `${-change}% shorter than that`;
}
