import { useRef } from "react";
import type { Applied, Migration, Round } from "@/api/nouns";
import { useWidth } from "@/table/width";
import { bytes, duration, rate } from "@/ui/format";
import { Tooltip } from "@/ui/Tooltip";
import { at, fraction } from "./layout";
import type { Span } from "./layout";
import { labelColumn } from "./Lanes";
import { dirtyRateOf, levelsOf, niceTop, roundsOf, stepPath } from "./migration";

const panelHeight = 96;
const throttleHeight = 40;

interface Props {
  migration: Migration;
  span: Span;
  until: number; // where the last round's values end
  going: boolean;
}

// RoundsChart draws the rounds of a migration on the axis of the lanes above it.
export function RoundsChart({ migration, span, until, going }: Props) {
  const rounds = roundsOf(migration);
  if (rounds.length === 0) return null;
  const throttled = rounds.some((round) => round.throttle_percent > 0);
  const disk = rounds.some((round) => (round.disk_total_bytes ?? 0) > 0);
  const shared = { rounds, span, until, going };
  return (
    <div className="relative">
      <Panel
        {...shared}
        title="Memory to send"
        lines={[{ label: "remaining", colour: "var(--accent-fill)", area: true, whole: rounds[0]!.total_bytes, value: (round) => round.remaining_bytes }]}
        write={bytes}
      />
      {disk && (
        <Panel
          {...shared}
          title="Disk to send"
          lines={[{ label: "remaining", colour: "var(--accent-fill)", area: true, whole: rounds[0]!.disk_total_bytes, value: (round) => round.disk_remaining_bytes ?? 0 }]}
          write={bytes}
        />
      )}
      <Panel
        {...shared}
        title="Rates"
        lines={[
          { label: "dirty rate", colour: "var(--attention)", value: dirtyRateOf },
          { label: "bandwidth", colour: "var(--working)", dashed: true, value: (round) => round.bandwidth_bytes_per_second },
        ]}
        write={rate}
      />
      {throttled && (
        <Panel
          {...shared}
          title="Guest slowed by"
          height={throttleHeight}
          top={100}
          lines={[{ label: "throttle", colour: "var(--failed)", area: true, value: (round) => round.throttle_percent }]}
          write={(value) => `${Math.round(value)}%`}
        />
      )}
      <Flags decisions={migration.decisions ?? []} span={span} />
    </div>
  );
}

interface Line {
  label: string;
  colour: string;
  area?: boolean;
  dashed?: boolean;
  whole?: number; // what an amount begins with; missing for rates
  value: (round: Round) => number | undefined; // missing while it is not known
}

interface PanelProps {
  title: string;
  rounds: Round[];
  span: Span;
  until: number;
  going: boolean;
  lines: Line[];
  write: (value: number) => string;
  height?: number;
  top?: number;
}

function Panel({ title, rounds, span, until, going, lines, write, height = panelHeight, top }: PanelProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const most = top ?? niceTop(Math.max(...lines.flatMap((line) => [line.whole ?? 0, ...rounds.map((round) => line.value(round) ?? 0)])));
  const x = (time: number) => fraction(span, time) * width;
  const y = (value: number) => height - 1 - (value / most) * (height - 8);
  const last = rounds[rounds.length - 1]!;
  const written = (value: number | undefined) => (value === undefined ? "–" : write(value));
  return (
    <div className="flex border-b border-line">
      <div className={`${labelColumn} flex flex-col justify-between py-1 pr-2 pl-4 text-xs`}>
        <div>
          <div className="flex justify-between gap-1">
            <span className="truncate font-medium">{title}</span>
            <span className="whitespace-nowrap text-muted">{write(most)}</span>
          </div>
          {height > 50 &&
            lines.map((line) => (
              <div key={line.label} className="flex items-center gap-1.5 text-muted">
                <svg width="14" height="6" className="shrink-0" aria-hidden>
                  <line x1="0" x2="14" y1="3" y2="3" stroke={line.colour} strokeWidth="2" strokeDasharray={line.dashed ? "4 2" : undefined} />
                </svg>
                <span>
                  {line.label} <span className="whitespace-nowrap text-ink">{written(line.value(last))}</span>
                </span>
              </div>
            ))}
        </div>
      </div>
      <div ref={frame} className="relative mr-4 min-w-0 flex-1 overflow-hidden">
        <svg width={width} height={height} role="img" aria-label={`${title} by round; the table below has the figures`} className="block">
          <line x1="0" x2={width} y1={y(most)} y2={y(most)} stroke="var(--line)" strokeDasharray="2 3" />
          {rounds.map((round) => (
            <line key={round.at} x1={x(Date.parse(round.at))} x2={x(Date.parse(round.at))} y1={height - 4} y2={height} stroke="var(--muted)" />
          ))}
          {lines.map((line) => {
            const points = levelsOf(rounds, line.value, line.whole).map((level) => ({ x: x(level.at), y: y(level.value) }));
            if (points.length === 0) return null;
            const path = stepPath(points, x(until), going && line.whole !== undefined);
            return (
              <g key={line.label}>
                {line.area && <path d={`${path}V${height}H${points[0]!.x}Z`} fill={line.colour} opacity="0.15" />}
                <path d={path} fill="none" stroke={line.colour} strokeWidth="1.5" strokeDasharray={line.dashed ? "5 3" : undefined} />
              </g>
            );
          })}
        </svg>
      </div>
    </div>
  );
}

const flagText: Record<Applied["action"], string> = {
  continue: "go on",
  raise_downtime: "longer pause",
  throttle: "throttle",
  post_copy: "post-copy",
  abort: "abort",
};

// Flags marks the decisions. Rounds and flags share the axis; the reason is in the tooltip and in the list below.
function Flags({ decisions, span }: { decisions: Applied[]; span: Span }) {
  const flags = decisions.filter((decision) => decision.action !== "continue");
  return (
    <div className="pointer-events-none absolute inset-0 flex">
      <div className={labelColumn} />
      <div className="relative mr-4 flex-1">
        {flags.map((decision, index) => {
          const place = fraction(span, at(decision.at) ?? span.from);
          const text = flagText[decision.action] + (decision.downtime_ms ? ` ${duration(decision.downtime_ms)}` : "");
          return (
            <div
              key={`${decision.at}-${decision.action}`}
              className="absolute inset-y-0 border-l border-attention"
              style={{ left: `${place * 100}%` }}
            >
              <Tooltip text={`${decision.reason} (${decision.by === "rules" ? "by the rules" : `by ${decision.by}`}, round ${decision.iteration})`}>
                <span
                  tabIndex={0}
                  className={`pointer-events-auto absolute rounded-xs border border-attention bg-attention-soft px-1 text-xs leading-4 whitespace-nowrap text-attention ${place > 0.6 ? "right-0" : "left-0"}`}
                  style={{ top: 4 + (index % 3) * 20 }}
                >
                  {text}
                </span>
              </Tooltip>
            </div>
          );
        })}
      </div>
    </div>
  );
}
