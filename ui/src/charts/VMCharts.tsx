import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ranges, vmMetrics } from "@/api/metrics";
import type { VMPoint } from "@/api/metrics";
import type { VM } from "@/api/nouns";
import { bytes, percent, rate } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Section } from "@/ui/Page";
import { gridded, mean, most } from "./gaps";
import { Chart } from "./Lazy";
import { RangeChoice } from "./RangeChoice";

// VMCharts shows a VM's use over time, on one cursor.
export function VMCharts({ vm }: { vm: VM }) {
  const [range, setRange] = useState(ranges[0]!);
  const { data, error, refetch, dataUpdatedAt } = useQuery(vmMetrics(vm.id, range));
  const grid = useMemo(() => gridded(data ?? [], range, dataUpdatedAt || Date.now()), [data, range, dataUpdatedAt]);
  const pick = (field: keyof VMPoint) => grid.rows.map((row) => (row ? Number(row[field]) : null));
  const cpu = pick("cpu_fraction");
  const memory = pick("memory_used_bytes");
  const read = pick("disk_read_bytes_per_second");
  const write = pick("disk_write_bytes_per_second");
  const receive = pick("net_receive_bytes_per_second");
  const send = pick("net_send_bytes_per_second");
  return (
    <Section title="Use" actions={<RangeChoice range={range} set={setRange} />}>
      <Failure error={error} retry={() => void refetch()} />
      {data?.length === 0 ? (
        <p className="rounded border border-line px-4 py-8 text-center text-sm text-muted">
          No readings in this time: the VM was off, or its host did not report.
        </p>
      ) : (
        <div className="grid gap-3 lg:grid-cols-2">
          <Chart title={`CPU: ${percent(mean(cpu))} on average, at most ${percent(most(cpu))}`} times={grid.times} sync={vm.id} top={1} series={[{ label: "CPU", values: cpu }]} write={percent} />
          <Chart
            title={`Memory: ${bytes(mean(memory))} on average of ${bytes(vm.spec.memory_bytes)}`}
            times={grid.times}
            sync={vm.id}
            top={Math.max(vm.spec.memory_bytes, most(memory) ?? 0)}
            series={[{ label: "used", values: memory }]}
            binary write={bytes}
          />
          <Chart
            title={`Disk: at most ${rate(most(read))} read, ${rate(most(write))} written`}
            times={grid.times}
            sync={vm.id}
            series={[
              { label: "read", values: read },
              { label: "written", values: write },
            ]}
            binary write={rate}
          />
          <Chart
            title={`Network: at most ${rate(most(receive))} received, ${rate(most(send))} sent`}
            times={grid.times}
            sync={vm.id}
            series={[
              { label: "received", values: receive },
              { label: "sent", values: send },
            ]}
            binary write={rate}
          />
        </div>
      )}
    </Section>
  );
}
