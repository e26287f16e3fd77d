import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { latestUse } from "@/api/metrics";
import type { VM } from "@/api/nouns";
import { bytes, percent } from "@/ui/format";
import { Meter } from "@/ui/Meter";

const settledAfter = 400; // ms: rows that only pass by while scrolling are not asked for

// LiveUse is what a VM uses now, beside what it was given.
export function LiveUse({ vm, of }: { vm: VM; of: "cpu" | "memory" }) {
  const on = vm.state === "running" || vm.state === "paused";
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), settledAfter);
    return () => clearTimeout(timer);
  }, []);
  const { data } = useQuery({ ...latestUse(vm.id), enabled: settled && on, retry: false });
  if (of === "cpu") {
    const given = `${vm.spec.cpus} CPU${vm.spec.cpus === 1 ? "" : "s"}`;
    if (!on || !data) return <span className="text-xs text-muted">{given}</span>;
    return <Meter label={`CPU of ${vm.name}, of ${given}`} fraction={data.cpu_fraction} text={`${percent(data.cpu_fraction)} of ${vm.spec.cpus}`} />;
  }
  if (!on || !data) return <span className="text-xs text-muted">{bytes(vm.spec.memory_bytes)}</span>;
  return (
    <Meter
      label={`Memory of ${vm.name}`}
      fraction={data.memory_used_bytes / vm.spec.memory_bytes}
      text={`${bytes(data.memory_used_bytes)} / ${bytes(vm.spec.memory_bytes)}`}
    />
  );
}
