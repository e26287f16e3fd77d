import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { hostMetrics, ranges } from "@/api/metrics";
import type { HostPoint } from "@/api/metrics";
import type { Host } from "@/api/nouns";
import { bytes, percent } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Section } from "@/ui/Page";
import { gridded, mean, most } from "./gaps";
import { Chart } from "./Lazy";
import { RangeChoice } from "./RangeChoice";

export function HostCharts({ host }: { host: Host }) {
  const [range, setRange] = useState(ranges[1]!);
  const { data, error, refetch, dataUpdatedAt } = useQuery(hostMetrics(host.id, range));
  const grid = useMemo(() => gridded(data ?? [], range, dataUpdatedAt || Date.now()), [data, range, dataUpdatedAt]);
  const pick = (field: keyof HostPoint) => grid.rows.map((row) => (row ? Number(row[field]) : null));
  const cpu = pick("cpu_fraction");
  const memory = pick("memory_used_bytes");
  const disk = pick("disk_used_bytes");
  const shared = { times: grid.times, sync: host.id };
  return (
    <Section title="Use" actions={<RangeChoice range={range} set={setRange} />}>
      <Failure error={error} retry={() => void refetch()} />
      {data?.length === 0 ? (
        <p className="rounded border border-line px-4 py-8 text-center text-sm text-muted">No readings in this time: the host did not report.</p>
      ) : (
        <div className="grid gap-3 lg:grid-cols-2 2xl:grid-cols-3">
          <Chart {...shared} title={`CPU: ${percent(mean(cpu))} on average, at most ${percent(most(cpu))}`} top={1} series={[{ label: "CPU", values: cpu }]} write={percent} />
          <Chart
            {...shared}
            title={`Memory: at most ${bytes(most(memory))} of ${bytes(host.facts.memory_bytes)}`}
            top={host.facts.memory_bytes}
            series={[{ label: "used", values: memory }]}
            binary write={bytes}
          />
          <Chart {...shared} title={`Disk: ${bytes(disk.findLast((value) => value !== null) ?? undefined)} used on its own pools`} series={[{ label: "used", values: disk }]} binary write={bytes} />
        </div>
      )}
    </Section>
  );
}
