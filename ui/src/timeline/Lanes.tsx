import { CornerDownRight } from "lucide-react";
import type { KeyboardEvent } from "react";
import type { StepState, Timeline } from "@/api/nouns";
import { duration } from "@/ui/format";
import { State } from "@/ui/State";
import { stepLook } from "@/ui/states";
import { at, fraction, lanesOf, ticksOf } from "./layout";
import type { Lane, Span } from "./layout";
import { amount } from "./StepDetails";

// The labels' column: the charts below leave the same room at their left. The view that has both sets --labels.
export const labelColumn = "w-(--labels) shrink-0";
export const labelPixels = (width: number): number => Math.round(Math.min(340, Math.max(144, width * 0.28)));

const fill: Record<StepState, string> = {
  planned: "",
  queued: "",
  running: "bg-working",
  retrying: "bg-attention",
  done: "bg-ok",
  failed: "bg-failed",
  cancelled: "bg-line-strong",
  skipped: "bg-line-strong",
};

interface Props {
  timeline: Timeline;
  span: Span;
  now: number;
  selected: string | undefined;
  select: (key: string) => void;
  width: number; // px of the whole, labels included
}

// Lanes draws every step on one axis of time.
export function Lanes({ timeline, span, now, selected, select, width }: Props) {
  const lanes = lanesOf(timeline);
  const noReturn = at(timeline.no_return_at);
  const track = Math.max(120, width - labelPixels(width) - 16);
  const move = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const target = event.target as HTMLElement;
    const item = target.closest("li");
    const next = event.key === "ArrowDown" ? item?.nextElementSibling : item?.previousElementSibling;
    next?.querySelector<HTMLElement>("button")?.focus();
    event.preventDefault();
  };
  return (
    <div className="relative">
      <Axis span={span} count={Math.max(2, Math.floor(track / 110))} />
      <ol aria-label="Steps" onKeyDown={move} className="relative">
        {lanes.map((lane) => (
          <li key={lane.key}>
            <LaneRow lane={lane} span={span} now={now} track={track} on={selected === lane.key} select={() => select(lane.key)} />
          </li>
        ))}
      </ol>
      {noReturn !== undefined && <NoReturn share={fraction(span, noReturn)} />}
    </div>
  );
}

function Axis({ span, count }: { span: Span; count: number }) {
  const length = span.to - span.from;
  return (
    <div aria-hidden className="flex h-6 border-b border-line text-xs text-muted">
      <div className={`${labelColumn} px-4 leading-6`}>Since accepted</div>
      <div className="relative mr-4 flex-1">
        {ticksOf(span, count).map((offset) => (
          <span key={offset} className="absolute top-0 h-full border-l border-line pl-1 leading-6 whitespace-nowrap" style={{ left: `${(offset / length) * 100}%` }}>
            {offset / length < 0.94 ? (offset === 0 ? "0" : duration(offset).replace(" 0 s", "")) : ""}
          </span>
        ))}
      </div>
    </div>
  );
}

function NoReturn({ share }: { share: number }) {
  return (
    <div aria-hidden className="pointer-events-none absolute inset-y-0 right-0 left-0 flex">
      <div className={labelColumn} />
      <div className="relative mr-4 flex-1">
        <div className="absolute top-6 bottom-0 z-1 border-l-2 border-dashed border-failed" style={{ left: `${share * 100}%` }}>
          <span
            className={`absolute -top-5.5 rounded bg-canvas px-1 text-xs font-medium whitespace-nowrap text-failed ${share > 0.75 ? "right-0" : "left-0"}`}
          >
            no return
          </span>
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  lane: Lane;
  span: Span;
  now: number;
  track: number; // px
  on: boolean;
  select: () => void;
}

function LaneRow({ lane, span, now, track, on, select }: RowProps) {
  const { step } = lane;
  const took = lane.runsFrom === undefined ? "" : duration((lane.until ?? now) - lane.runsFrom);
  const look = step.undo && step.state === "done" ? { ...stepLook.done, tone: "attention" as const, word: "Undone", icon: "undo" as const } : stepLook[step.state];
  const quiet = step.state === "planned" || step.state === "skipped";
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={select}
      className={`group flex h-8 w-full items-center border-b border-line text-left text-sm ${on ? "bg-selected" : "hover:bg-hover"}`}
    >
      <span className={`${labelColumn} flex items-center gap-1.5 pr-2 pl-4`}>
        {step.undo && <CornerDownRight className="size-3.5 shrink-0 text-attention" aria-hidden />}
        <span className={`min-w-0 flex-1 max-sm:line-clamp-2 max-sm:text-xs max-sm:leading-3.5 sm:truncate ${step.undo ? "text-attention" : quiet ? "text-muted" : ""}`} title={step.title}>
          {step.undo ? <span className="sr-only">Undo: </span> : null}
          {step.title}
        </span>
        <span className="flex shrink-0 text-xs">
          <State look={look} label="" />
          <span className="sr-only">{look.word}</span>
        </span>
      </span>
      <span className="relative mr-4 h-full flex-1">
        <Bar lane={lane} span={span} now={now} />
        <Caption lane={lane} span={span} now={now} track={track} took={took} word={look.word} on={on} />
      </span>
    </button>
  );
}

const share = (value: number): string => `${value * 100}%`;

function Bar({ lane, span, now }: { lane: Lane; span: Span; now: number }) {
  const { step, waitsFrom, runsFrom, until } = lane;
  if (waitsFrom === undefined && runsFrom === undefined) return null;
  const waiting = step.state === "queued" || step.state === "retrying";
  const end = fraction(span, until ?? now);
  const first = fraction(span, waitsFrom ?? runsFrom!);
  const begun = runsFrom === undefined ? end : fraction(span, runsFrom);
  const colour = step.undo && step.state !== "failed" ? "bg-attention" : fill[step.state];
  const done = step.progress && step.progress.total > 0 && !until ? step.progress.done / step.progress.total : undefined;
  return (
    <>
      {begun > first && (
        <span className="hatched absolute inset-y-2.5 rounded-l-xs border border-line-strong" style={{ left: share(first), width: share(begun - first) }} />
      )}
      {runsFrom !== undefined && (
        <span
          className={`absolute inset-y-2 min-w-0.75 overflow-hidden rounded-xs ${waiting ? "hatched border border-attention" : colour} ${done === undefined ? "" : "opacity-100"}`}
          style={{ left: share(begun), width: share(Math.max(0, end - begun)) }}
        >
          {done !== undefined && <span className="absolute inset-y-0 right-0 bg-canvas/60" style={{ width: share(1 - done) }} />}
        </span>
      )}
      {ticksBetween(first, begun, step.attempts - Math.max(0, step.calls - 1)).map((left) => (
        <span key={left} className="absolute inset-y-1 w-px bg-ink" style={{ left: share(left) }} />
      ))}
    </>
  );
}

// ticksBetween marks attempts: the last where it began, those before it spread over the time that they took, because
// Temporal's history keeps no times of attempts that failed.
function ticksBetween(first: number, last: number, attempts: number): number[] {
  if (attempts < 2) return [];
  return Array.from({ length: attempts }, (_, index) => first + ((last - first) * index) / (attempts - 1));
}

interface CaptionProps {
  lane: Lane;
  span: Span;
  now: number;
  track: number;
  took: string;
  word: string;
  on: boolean; // its lane is selected
}

const letterPixels = 6.6; // of a 12 px letter, on average

// Caption says what the bar means in words, behind its end or, near the right edge, before its beginning.
function Caption({ lane, span, now, track, took, word, on }: CaptionProps) {
  const { step, waitsFrom, runsFrom, until } = lane;
  if (step.state === "planned" || step.state === "skipped") return <span className="sr-only">{word}</span>;
  const parts = [took || word];
  if (step.attempts > Math.max(1, step.calls)) parts.push(`${step.attempts} attempts`);
  if (step.progress && !until) parts.push(amount(step.progress));
  if (step.state === "retrying") parts.push("retrying");
  if (step.state === "failed") parts.push("failed");
  const end = fraction(span, until ?? now);
  const first = fraction(span, waitsFrom ?? runsFrom ?? now);
  const text = parts.join(" · ");
  const needed = (text.length * letterPixels + 12) / track;
  const behind = end + needed < 1;
  const roomy = end - fraction(span, runsFrom ?? now) > needed;
  const inside = !behind && (first < needed || roomy);
  const place = behind ? { left: share(end), paddingLeft: 6 } : inside ? { right: share(1 - end), marginRight: 6 } : { right: share(1 - first), paddingRight: 6 };
  const solid = runsFrom !== undefined && (step.state === "running" || step.state === "done" || step.state === "failed");
  const onBar = solid && roomy && !(step.progress && !until) ? "text-canvas" : "rounded-xs bg-canvas px-1 text-ink";
  const onGround = on ? "bg-selected" : "bg-canvas group-hover:bg-hover"; // hides the line of no return behind it
  return (
    <span className="absolute inset-y-0 z-2 flex items-center text-xs whitespace-nowrap text-muted" style={place}>
      <span className={`leading-4 ${inside ? onBar : onGround}`}>{text}</span>
    </span>
  );
}
