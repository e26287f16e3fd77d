import type { Host } from "@/api/nouns";
import { bytes, percent } from "@/ui/format";
import { Meter } from "@/ui/Meter";

interface Props {
  host: Host;
  of: "cpu" | "memory";
  amounts?: boolean; // what is used of how much, instead of the percentage
}

// HostUse is what a host uses now. Of one that does not answer that is not known, whatever it said last.
export function HostUse({ host, of, amounts }: Props) {
  const answers = host.state !== "offline";
  const { cpu_fraction: cpu, memory_used_bytes: used } = host.use;
  const { cpus, memory_bytes: memory } = host.facts;
  if (of === "cpu") {
    const text = amounts ? `${percent(cpu)} of ${cpus}` : undefined;
    return <Meter label={`CPU of ${host.name}`} fraction={answers ? cpu : undefined} text={text} room={text ? 10 : undefined} />;
  }
  const text = amounts ? `${bytes(used)} / ${bytes(memory)}` : undefined;
  const fraction = answers && memory > 0 ? used / memory : undefined;
  return <Meter label={`Memory of ${host.name}`} fraction={fraction} text={text} room={text ? 15 : undefined} />;
}
