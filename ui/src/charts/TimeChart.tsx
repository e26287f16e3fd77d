import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useDark } from "@/frame/theme";
import { useWidth } from "@/table/width";
import { exactTime } from "@/ui/When";
import { dashes, seriesColours } from "./colours";

export interface Series {
  label: string;
  values: (number | null)[]; // null is a gap and is shown as one
  low?: (number | null)[]; // an interval, shaded
  high?: (number | null)[];
}

export interface TimeChartProps {
  title: string; // what the chart found
  times: number[]; // seconds since 1970
  series: Series[];
  write: (value: number) => string;
  top?: number; // the most the value can be
  sync?: string; // charts of the same name share the cursor
  now?: number; // seconds: what lies behind it is a forecast
  binary?: boolean; // the values are bytes: the axis has powers of two
}

const chartHeight = 160;

// TimeChart draws values over time by uPlot. Drag zooms, a double click shows all again; the same figures are in a table.
export default function TimeChart(props: TimeChartProps) {
  const [table, setTable] = useState(false);
  return (
    <figure className="min-w-0 rounded border border-line">
      <figcaption className="flex items-baseline justify-between gap-2 px-3 pt-2 text-sm">
        <span className="min-w-0 font-medium">{props.title}</span>
        <button type="button" onClick={() => setTable(!table)} className="shrink-0 text-xs text-accent hover:underline">
          {table ? "Chart" : "Table"}
        </button>
      </figcaption>
      {table ? <Figures {...props} /> : <Plot {...props} />}
    </figure>
  );
}

function Plot({ title, times, series, write, top, sync, now, binary }: TimeChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const width = useWidth(frame);
  const dark = useDark();
  const data = useMemo(
    () => [times, ...series.flatMap((each) => [each.values, ...(each.low && each.high ? [each.low, each.high] : [])])] as uPlot.AlignedData,
    [times, series],
  );
  const shape = series.map((each) => `${each.label}${each.low ? "~" : ""}`).join("|");
  const latest = useRef({ series, write });
  useEffect(() => {
    latest.current = { series, write };
  });

  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const made = new uPlot(
      optionsFor({ series: latest.current.series, write: (value) => latest.current.write(value), top, sync, now, binary, dark, style }),
      [[]],
      frame.current!,
    );
    plot.current = made;
    return () => made.destroy();
  }, [shape, top, sync, now, binary, dark]);
  useEffect(() => plot.current?.setSize({ width, height: chartHeight }), [width, shape, top, sync, now, binary, dark]);
  useEffect(() => plot.current?.setData(data), [data, shape, top, sync, now, binary, dark]);
  return <div ref={frame} className="px-1 pb-1" role="img" aria-label={`${title}. The table has the figures.`} />;
}

interface Wanted extends Pick<TimeChartProps, "series" | "write" | "top" | "sync" | "now" | "binary"> {
  dark: boolean;
  style: CSSStyleDeclaration;
}

const powersOfTwo = Array.from({ length: 60 }, (_, power) => 2 ** power);

// timeLabels are uPlot's templates: from which step on, the label, and what is added where the day or year changes.
const timeLabels: (string | number | null)[][] = [
  [86_400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", null, null, "{D} {MMM}", null, null, null, 0],
  [1, "{HH}:{mm}:{ss}", null, null, "{D} {MMM}", null, null, null, 0],
];

function optionsFor({ series, write, top, sync, now, binary, dark, style }: Wanted): uPlot.Options {
  const colours = seriesColours[dark ? "dark" : "light"];
  const muted = style.getPropertyValue("--muted");
  const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
  const lines: uPlot.Series[] = [{ value: (_plot, seconds) => (seconds === null ? "–" : exactTime(new Date(seconds * 1_000).toISOString())) }];
  const bands: uPlot.Band[] = [];
  series.forEach((each, index) => {
    const stroke = colours[index % colours.length]!;
    lines.push({ label: each.label, stroke, width: 1.5, dash: dashes[index % dashes.length], spanGaps: false, points: { show: false }, value: (_plot, value) => (value === null ? "–" : write(value)) });
    if (!each.low || !each.high) return;
    const edge = (label: string): uPlot.Series => ({ label, stroke: `${stroke}00`, points: { show: false }, value: (_plot, value) => (value === null ? "–" : write(value)) });
    lines.push(edge(`${each.label}, low`), edge(`${each.label}, high`));
    bands.push({ series: [lines.length - 1, lines.length - 2], fill: `${stroke}26` });
  });
  return {
    width: 400,
    height: chartHeight,
    series: lines,
    bands,
    legend: { live: true },
    cursor: { sync: sync ? { key: sync } : undefined, drag: { x: true, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), top ?? Math.max((high ?? 1) * 1.1, 1e-9)] } },
    axes: [
      { stroke: muted, grid, ticks: grid, font: "11px Inter Variable", size: 26, values: timeLabels },
      { stroke: muted, grid, ticks: grid, font: "11px Inter Variable", size: 76, incrs: binary ? powersOfTwo : undefined, values: (_plot, values) => values.map(write) },
    ],
    hooks: now === undefined ? undefined : { draw: [(plot) => markNow(plot, now, muted)] },
  };
}

function markNow(plot: uPlot, now: number, colour: string): void {
  const left = Math.round(plot.valToPos(now, "x", true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

const shownAtMost = 200;

function Figures({ title, times, series, write }: TimeChartProps) {
  const from = Math.max(0, times.length - shownAtMost);
  const cell = (value: number | null | undefined) => (value === null || value === undefined ? "–" : write(value));
  return (
    <div className="max-h-56 overflow-auto border-t border-line" tabIndex={0} role="region" aria-label={`Figures: ${title}`}>
      <table className="w-full text-right text-xs [&_td]:px-3 [&_td]:py-0.5 [&_th]:px-3 [&_th]:py-1 [&_th]:font-medium [&_th]:text-muted">
        <thead className="sticky top-0 bg-canvas">
          <tr>
            <th className="text-left">Time</th>
            {series.flatMap((each) => [<th key={each.label}>{each.label}</th>, ...(each.low ? [<th key={`${each.label}~`}>between</th>] : [])])}
          </tr>
        </thead>
        <tbody>
          {times.slice(from).map((seconds, index) => (
            <tr key={seconds}>
              <td className="text-left whitespace-nowrap">{exactTime(new Date(seconds * 1_000).toISOString())}</td>
              {series.flatMap((each) => [
                <td key={each.label}>{cell(each.values[from + index])}</td>,
                ...(each.low
                  ? [
                      <td key={`${each.label}~`}>
                        {cell(each.low[from + index])} – {cell(each.high?.[from + index])}
                      </td>,
                    ]
                  : []),
              ])}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
