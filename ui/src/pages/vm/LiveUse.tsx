import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { latestUse } from "@/api/metrics";
import type { VM } from "@/api/nouns";
import { bytes, percent, plural } from "@/ui/format";
import { Meter } from "@/ui/Meter";

interface Props {
  vm: VM;
  of: "cpu" | "memory";
}

const settledAfter = 400; // ms: rows that only pass by while scrolling are not asked for

// LiveUse is what a VM uses now, beside what it was given.
export function LiveUse(props: Props) {
  const on = props.vm.state === "running" || props.vm.state === "paused";
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setTimeout(() => setSettled(true), settledAfter);
    return () => clearTimeout(timer);
  }, [on]);
  return on && settled ? <Reading {...props} /> : <Given {...props} />;
}

function Given({ vm, of }: Props) {
  return <span className="text-xs text-muted">{of === "cpu" ? plural(vm.spec.cpus, "CPU") : bytes(vm.spec.memory_bytes)}</span>;
}

function Reading({ vm, of }: Props) {
  const { data } = useQuery({ ...latestUse(vm.id), retry: false });
  if (!data) return <Given vm={vm} of={of} />;
  if (of === "cpu") {
    const text = `${percent(data.cpu_fraction)} of ${vm.spec.cpus}`;
    return <Meter label={`CPU of ${vm.name}`} fraction={data.cpu_fraction} text={text} room={8} />;
  }
  return (
    <Meter
      label={`Memory of ${vm.name}`}
      fraction={data.memory_used_bytes / vm.spec.memory_bytes}
      room={15}
      text={`${bytes(data.memory_used_bytes)} / ${bytes(vm.spec.memory_bytes)}`}
    />
  );
}
