import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Host, Operation, VMState } from "@/api/nouns";
import { overview } from "@/api/overview";
import type { Overview as Summary } from "@/api/overview";
import { hosts, images, openOperations } from "@/api/queries";
import { LinkButton } from "@/ui/Button";
import { Command } from "@/ui/Copy";
import { bytes, percent, plural } from "@/ui/format";
import { Failure, Notice } from "@/ui/Notice";
import { Page as Frame, Section } from "@/ui/Page";
import { State } from "@/ui/State";
import { hostLook, vmLook } from "@/ui/states";
import { When } from "@/ui/When";
import { HostUse } from "./HostUse";
import { OperationLine } from "./OperationLine";

const failuresShown = 6;

export function Page() {
  const allHosts = useQuery({ ...hosts(), refetchInterval: 10_000 });
  const open = useQuery(openOperations());
  const summary = useQuery(overview());
  const failed = summary.data?.failed ?? undefined;
  const fresh = summary.data && Object.keys(summary.data.vms).length === 0;
  return (
    <Frame title="Overview">
      <div className="space-y-6 px-4">
        <Failure error={summary.error ?? allHosts.error ?? open.error} retry={() => void summary.refetch()} />
        <Attention hosts={allHosts.data ?? []} open={open.data ?? []} failed={failed ?? []} crashed={summary.data?.vms.crashed ?? 0} />
        {fresh && allHosts.data ? <Begin hosts={allHosts.data} /> : <Counts summary={summary.data} />}
        <div className="grid gap-6 lg:grid-cols-2">
          <Section title="Being done now" actions={<More to="/operations?open=true">All open ones</More>}>
            <Lines rows={open.data} none="Nothing is being done at the moment." />
          </Section>
          <Section title="Failed lately" actions={<More to="/operations?state=failed">All failures</More>}>
            <Lines rows={failed} none="Nothing has failed." />
          </Section>
        </div>
        <HostsAtAGlance hosts={allHosts.data} />
      </div>
    </Frame>
  );
}

function More({ to, children }: { to: string; children: string }) {
  return (
    <Link to={to} className="text-sm text-accent hover:underline">
      {children}
    </Link>
  );
}

function Lines({ rows, none }: { rows: Operation[] | undefined; none: string }) {
  return (
    <ul className="divide-y divide-line rounded border border-line px-3">
      {rows?.length === 0 && <li className="py-3 text-sm text-muted">{none}</li>}
      {rows?.slice(0, failuresShown).map((operation) => (
        <li key={operation.id} className="py-2">
          <OperationLine operation={operation} />
        </li>
      ))}
    </ul>
  );
}

interface Needing {
  hosts: Host[];
  open: Operation[];
  failed: Operation[];
  crashed: number; // VMs
}

// Attention lists what needs a person: questions, silent hosts, crashed VMs, what was left behind.
function Attention({ hosts: all, open, failed, crashed }: Needing) {
  const waiting = open.filter((operation) => operation.state === "waiting");
  const silent = all.filter((host) => host.state === "offline");
  const leaking = failed.filter((operation) => operation.leaks?.length);
  if (waiting.length + silent.length + leaking.length + crashed === 0) return null;
  return (
    <Section title="Needs you">
      <div className="space-y-2">
        {waiting.map((operation) => (
          <Notice key={operation.id} tone="attention" action={<LinkButton to={`/operations/${operation.id}`}>Look</LinkButton>}>
            <strong>{operation.subject.name}:</strong> {operation.question}
          </Notice>
        ))}
        {silent.map((host) => (
          <Notice key={host.id} tone="attention" action={<LinkButton to={`/hosts/${host.name}`}>Look</LinkButton>}>
            <strong>{host.name}</strong> does not answer; its last report came <When at={host.last_seen_at} />, with {plural(host.vms, "VM")} on it.
          </Notice>
        ))}
        {crashed > 0 && (
          <Notice tone="attention" action={<LinkButton to="/vms?state=crashed">Look</LinkButton>}>
            <strong>{plural(crashed, "VM")}</strong> crashed and {crashed === 1 ? "is" : "are"} off.
          </Notice>
        )}
        {leaking.map((operation) => (
          <Notice key={operation.id} tone="attention" action={<LinkButton to={`/operations/${operation.id}`}>Look</LinkButton>}>
            <strong>{operation.subject.name}:</strong> {operation.leaks?.[0]?.detail}
          </Notice>
        ))}
      </div>
    </Section>
  );
}

const states = Object.keys(vmLook) as VMState[]; // in the order in which they are counted

function Counts({ summary }: { summary: Summary | undefined }) {
  const capacity = summary?.capacity;
  const total = (counts: object | undefined) => Object.values((counts ?? {}) as Record<string, number>).reduce((sum, count) => sum + count, 0);
  const offline = summary?.hosts.offline ?? 0;
  const allHosts = total(summary?.hosts);
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded border border-line bg-line md:grid-cols-4">
      <Figure title="VMs" to="/vms" value={summary ? total(summary.vms).toLocaleString("en") : "–"}>
        <span className="flex flex-wrap gap-x-3">
          {states
            .filter((state) => summary?.vms[state])
            .map((state) => (
              <Link key={state} to={`/vms?state=${state}`} className="hover:underline">
                <State look={vmLook[state]} label={`${summary!.vms[state]!.toLocaleString("en")} ${state}`} />
              </Link>
            ))}
        </span>
      </Figure>
      <Figure title="Hosts" to="/hosts" value={summary ? String(allHosts - offline) : "–"}>
        {offline > 0 ? `of ${allHosts} answer; ${offline} offline` : "all answer"}
      </Figure>
      <Figure title="CPU in use" to="/hosts" value={percent(capacity?.cpus ? capacity.cpu_fraction : undefined)}>
        {capacity && `of ${plural(capacity.cpus, "CPU")}; ${plural(capacity.promised_cpus, "virtual one")} promised`}
      </Figure>
      <Figure title="Memory in use" to="/hosts" value={percent(capacity?.memory_bytes ? capacity.used_memory_bytes / capacity.memory_bytes : undefined)}>
        {capacity && `${bytes(capacity.used_memory_bytes)} of ${bytes(capacity.memory_bytes)}; ${bytes(capacity.promised_memory_bytes)} promised`}
      </Figure>
    </dl>
  );
}

function Figure({ title, to, value, children }: { title: string; to: string; value: string; children: ReactNode }) {
  return (
    <div className="bg-canvas px-4 py-3">
      <dt className="text-sm text-muted">
        <Link to={to} className="hover:underline">
          {title}
        </Link>
      </dt>
      <dd>
        <div className="text-xl leading-8 font-semibold">{value}</div>
        <div className="text-xs text-muted">{children}</div>
      </dd>
    </div>
  );
}

function HostsAtAGlance({ hosts: all }: { hosts: Host[] | undefined }) {
  if (!all?.length) return null;
  return (
    <Section title="Hosts">
      <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3 2xl:grid-cols-5">
        {all.slice(0, 60).map((host) => (
          <li key={host.id} className="rounded border border-line px-3 py-2 text-sm">
            <div className="mb-1 flex justify-between gap-2">
              <Link to={`/hosts/${host.name}`} className="font-medium hover:underline">
                {host.name}
              </Link>
              <State look={hostLook[host.state]} />
            </div>
            <div className="grid grid-cols-[4rem_1fr] items-center gap-x-2 text-xs text-muted">
              <span>CPU</span>
              <HostUse host={host} of="cpu" />
              <span>Memory</span>
              <HostUse host={host} of="memory" />
              <span>VMs</span>
              <span className="text-right">{host.vms}</span>
            </div>
          </li>
        ))}
      </ul>
    </Section>
  );
}

// Begin tells a newcomer what comes first.
function Begin({ hosts: all }: { hosts: Host[] }) {
  const { data: allImages = [] } = useQuery(images());
  const steps: [done: boolean, text: string, to: string, label: string][] = [
    [all.length > 0, "Add a host: a machine with libvirt and QEMU.", "/hosts", "Hosts"],
    [allImages.length > 0, "Import an image: a disk with an operating system on it.", "/images", "Images"],
    [false, "Create a VM from the image.", "/vms?create=1", "Create a VM"],
  ];
  return (
    <Section title="Your first VM">
      <ol className="divide-y divide-line rounded border border-line px-3 text-sm">
        {steps.map(([done, text, to, label], index) => (
          <li key={to} className="flex items-center justify-between gap-3 py-2">
            <span className={done ? "text-muted line-through" : ""}>
              {index + 1}. {text}
            </span>
            {!done && <LinkButton to={to}>{label}</LinkButton>}
          </li>
        ))}
      </ol>
      <div className="mt-2">
        <Command text={`novacron vm create web-1 --image ${allImages[0]?.name ?? "debian-12"} --memory 128MiB`} />
      </div>
    </Section>
  );
}

