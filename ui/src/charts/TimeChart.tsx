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
  limit?: number; // drawn as a line: where it is full
  sync?: string; // charts of the same name share the cursor
  now?: number; // seconds: what lies behind it is a forecast
  binary?: boolean; // the values are bytes: the axis has powers of two
}

const chartHeight = 178;

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

function Plot({ title, times, series, write, top, limit, sync, now, binary }: TimeChartProps) {
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
      optionsFor({ series: latest.current.series, write: (value) => latest.current.write(value), top, limit, sync, now, binary, dark, style }),
      [[]],
      frame.current!,
    );
    plot.current = made;
    return () => made.destroy();
  }, [shape, top, limit, sync, now, binary, dark]);
  useEffect(() => plot.current?.setSize({ width, height: chartHeight }), [width, shape, top, limit, sync, now, binary, dark]);
  useEffect(() => plot.current?.setData(data), [data, shape, top, limit, sync, now, binary, dark]);
  return <div ref={frame} className="px-1 pb-1" role="img" aria-label={`${title}. The table has the figures.`} />;
}

interface Wanted extends Pick<TimeChartProps, "series" | "write" | "top" | "limit" | "sync" | "now" | "binary"> {
  dark: boolean;
  style: CSSStyleDeclaration;
}

const legendTime = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const powersOfTwo = Array.from({ length: 60 }, (_, power) => 2 ** power);

// timeLabels are uPlot's templates: from which step on, the label, and what is added where the day or year changes.
const timeLabels: (string | number | null)[][] = [
  [86_400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
];

function optionsFor({ series, write, top, limit, sync, now, binary, dark, style }: Wanted): uPlot.Options {
  const colours = seriesColours[dark ? "dark" : "light"];
  const muted = style.getPropertyValue("--muted");
  const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
  // Without a cursor the legend has the newest values; where a forecast goes on behind them, none.
  const forecast = series.some((each) => each.low);
  const newest = (plot: uPlot, line: number) => (!forecast ? Array.from(plot.data[line] ?? []).findLast((value) => value !== null && value !== undefined) : undefined);
  const written = (text: (value: number) => string, interval = false) => (plot: uPlot, value: number | null, line: number, index: number | null) => {
    const shown = index === null ? newest(plot, line) : value;
    if (shown === null || shown === undefined) return "–";
    const [low, high] = interval && index !== null ? [plot.data[line + 1]?.[index], plot.data[line + 2]?.[index]] : [];
    return typeof low === "number" && typeof high === "number" ? `${text(shown)} (${text(low)} – ${text(high)})` : text(shown);
  };
  const lines: uPlot.Series[] = [{ label: "At", value: written((seconds) => legendTime.format(seconds * 1_000)) }];
  const bands: uPlot.Band[] = [];
  series.forEach((each, index) => {
    const stroke = colours[index % colours.length]!;
    lines.push({ label: each.label, stroke, width: 1.5, dash: dashes[index % dashes.length], spanGaps: false, points: { show: false }, value: written(write, Boolean(each.low)) });
    if (!each.low || !each.high) return;
    const edge = (label: string): uPlot.Series => ({ label, stroke: `${stroke}00`, points: { show: false }, class: "edge" });
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
      { stroke: muted, grid, ticks: grid, font: "11px Inter Variable", size: 44, values: timeLabels },
      { stroke: muted, grid, ticks: grid, font: "11px Inter Variable", size: 76, incrs: binary ? powersOfTwo : undefined, values: (_plot, values) => values.map(write) },
    ],
    hooks: {
      draw: [
        (plot) => {
          const { left, top: above, width, height } = plot.bbox;
          if (now !== undefined) {
            const x = Math.round(plot.valToPos(now, "x", true));
            stroke(plot, muted, "now", [x, above], [x, above + height]);
          }
          if (limit !== undefined) {
            const y = Math.round(plot.valToPos(limit, "y", true));
            stroke(plot, style.getPropertyValue("--failed"), `full at ${write(limit)}`, [left, y], [left + width, y]);
          }
        },
      ],
    },
  };
}

type Point = [x: number, y: number];

// stroke draws a dashed line and writes what it stands for: at the left under one that lies, at the foot of one that stands.
function stroke({ ctx }: uPlot, colour: string, text: string, from: Point, to: Point): void {
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.fillStyle = colour;
  ctx.font = `${11 * devicePixelRatio}px Inter Variable`;
  ctx.textBaseline = "top";
  const fits = from[0] + ctx.measureText(text).width + 8 < ctx.canvas.width;
  ctx.textAlign = fits ? "left" : "right";
  ctx.fillText(text, from[0] + (fits ? 4 : -4), from[0] === to[0] ? to[1] - 14 * devicePixelRatio : from[1] + 3);
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
