import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/actions";
import { latestReport } from "@/api/capacity";
import type { Report, Resource, Section as ReportSection, Verdict } from "@/api/capacity";
import { Chart } from "@/charts/Lazy";
import { useStart } from "@/forms/start";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { bytes, capitalised, percent } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure, Notice } from "@/ui/Notice";
import { Loading, Page as Frame, Section } from "@/ui/Page";
import { State } from "@/ui/State";
import type { Look } from "@/ui/states";
import { When } from "@/ui/When";

const verdictLook: Record<Verdict, Look> = {
  full: { tone: "failed", word: "Full", icon: "cross" },
  runs_out: { tone: "failed", word: "Runs out", icon: "warning" },
  may_run_out: { tone: "attention", word: "May run out", icon: "warning" },
  holds: { tone: "ok", word: "Holds", icon: "check" },
  not_enough_history: { tone: "quiet", word: "Not enough history", icon: "clock" },
  no_capacity: { tone: "quiet", word: "Size not known", icon: "question" },
};

const amount = (resource: Resource, value: number): string =>
  resource.unit === "bytes" ? bytes(value) : `${Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value)} CPUs`;

const days = (value: number | undefined): string | undefined => (value === undefined ? undefined : `${Math.round(value)} d`);

interface Row {
  section: ReportSection;
  resource: Resource;
}

const nameOf = (section: ReportSection): string =>
  section.kind === "pool" ? `${section.name}${section.host_name ? ` on ${section.host_name}` : ""}` : section.name;

const resourceWord = { cpu: "CPU", memory: "Memory", storage: "Storage" };

const columns: Column<Row>[] = [
  { id: "name", title: "Where", width: 120, grow: 1, priority: 0, cell: ({ section }) => <span className="font-medium">{nameOf(section)}</span>, sort: ({ section }) => nameOf(section) },
  { id: "resource", title: "What", width: 80, priority: 1, cell: ({ resource }) => resourceWord[resource.name], sort: ({ resource }) => resource.name },
  {
    id: "used",
    title: "Used now",
    width: 200,
    grow: 1,
    priority: 2,
    sort: ({ resource }) => resource.used_fraction,
    cell: ({ section, resource }) => (
      <Meter
        label={`${resourceWord[resource.name]} used of ${nameOf(section)}`}
        fraction={resource.used_fraction}
        room={15}
        text={`${amount(resource, resource.used)} / ${amount(resource, resource.total)}`}
      />
    ),
  },
  { id: "promised", title: "Promised", width: 80, right: true, priority: 5, sort: ({ resource }) => resource.promised_fraction, cell: ({ resource }) => percent(resource.promised_fraction) },
  {
    id: "trend",
    title: "A day",
    width: 110,
    right: true,
    priority: 4,
    cell: ({ resource }) => (resource.trend ? `${resource.trend.per_day >= 0 ? "+" : ""}${amount(resource, resource.trend.per_day)}` : "–"),
  },
  { id: "verdict", title: "Finding", width: 160, priority: 0, sort: ({ resource }) => resource.verdict, cell: ({ resource }) => <State look={verdictLook[resource.verdict]} /> },
  {
    id: "days",
    title: "Days left",
    width: 130,
    right: true,
    priority: 3,
    sort: ({ resource }) => resource.run_out?.days ?? 1e9,
    cell: ({ resource }) => {
      const out = resource.run_out;
      if (!out) return "–";
      return `${days(out.days) ?? "beyond"} (${days(out.earliest_days) ?? "?"} – ${days(out.latest_days) ?? "∞"})`;
    },
  },
];

export function Page() {
  const { data, error, refetch } = useQuery(latestReport());
  const start = useStart();
  const [horizon, setHorizon] = useState(90);
  const plan = (
    <>
      <label className="flex items-center gap-2 text-sm">
        Look ahead
        <select value={horizon} onChange={(event) => setHorizon(Number(event.target.value))} className="h-7 rounded border border-line-strong bg-canvas px-1.5">
          {[30, 90, 180, 365].map((value) => (
            <option key={value} value={value}>
              {value} days
            </option>
          ))}
        </select>
      </label>
      <Button kind="primary" onClick={() => start.mutate(ask.planCapacity(horizon))} disabled={start.isPending}>
        Make a plan
      </Button>
    </>
  );
  return (
    <Frame title="Capacity" actions={plan}>
      <div className="space-y-6 px-4">
        <Failure error={start.error} />
        <Failure error={error} retry={() => void refetch()} />
        {data === undefined && !error && <Loading what="the plan" />}
        {data === null && (
          <Empty title="No plan has been made yet" command="novacron capacity plan">
            A plan reads what hosts and pools used, and says for each how much there is, how it grows, and in how many days it runs out.
          </Empty>
        )}
        {data && <Findings report={data} />}
      </div>
    </Frame>
  );
}

function Findings({ report }: { report: Report }) {
  const sections = [report.cluster, ...(report.hosts ?? []), ...(report.pools ?? [])];
  const rows = sections.flatMap((section) => (section.resources ?? []).map((resource) => ({ section, resource })));
  const cluster = report.cluster.resources ?? [];
  const notes = sections.flatMap((section) => section.notes ?? []);
  return (
    <>
      <Notice>
        <strong>{report.summary}</strong>
        <p className="text-muted">
          Made <When at={report.at} />, looking {report.horizon_days} days ahead.
        </p>
      </Notice>
      <Section title={capitalised(nameOf(report.cluster))}>
        <div className="gap-3 lg:columns-2 2xl:columns-3">
          {cluster.map((resource) => (
            <div key={resource.name} className="mb-3 break-inside-avoid">
              <ResourceCard resource={resource} at={report.at} />
            </div>
          ))}
        </div>
      </Section>
      <Section title="Every host and pool">
        <Table name="Capacity" rows={rows.slice(cluster.length)} columns={columns} id={({ section, resource }) => `${section.kind} ${section.id ?? section.name} ${section.host_id ?? ""} ${resource.name}`} short />
      </Section>
      {notes.length > 0 && (
        <ul className="list-disc pl-5 text-sm text-muted">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function ResourceCard({ resource, at }: { resource: Resource; at: string }) {
  const history = resource.history ?? [];
  const forecast = resource.forecast ?? [];
  if (history.length === 0) {
    return (
      <div className="rounded border border-line px-3 py-2 text-sm">
        <div className="mb-1 flex justify-between gap-2">
          <span className="font-medium">{resourceWord[resource.name]}</span>
          <State look={verdictLook[resource.verdict]} />
        </div>
        <Meter label={resourceWord[resource.name]} fraction={resource.used_fraction} text={`${amount(resource, resource.used)} / ${amount(resource, resource.total)}`} />
        <p className="mt-1 text-muted">{resource.text}</p>
      </div>
    );
  }
  const seconds = (time: string) => Math.round(Date.parse(time) / 1_000);
  const times = [...history, ...forecast].map((point) => seconds(point.at));
  const empty = (length: number) => Array.from({ length }, () => null);
  return (
    <Chart
      title={`${resourceWord[resource.name]}: ${resource.text || `${percent(resource.used_fraction)} used`}`}
      times={times}
      now={seconds(at)}
      top={Math.max(resource.total, ...forecast.map((point) => point.value)) * 1.1}
      limit={resource.total > 0 ? resource.total : undefined}
      write={(value) => amount(resource, value)}
      binary={resource.unit === "bytes"}
      series={[
        { label: "used", values: [...history.map((point) => point.value), ...empty(forecast.length)] },
        ...(forecast.length > 0
          ? [
              {
                label: "expected",
                values: [...empty(history.length), ...forecast.map((point) => point.value)],
                low: [...empty(history.length), ...forecast.map((point) => point.low)],
                high: [...empty(history.length), ...forecast.map((point) => point.high)],
              },
            ]
          : []),
      ]}
    />
  );
}
