import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { ask, cordon, removeHost } from "@/api/actions";
import type { Host } from "@/api/nouns";
import { usePages } from "@/api/pages";
import { host as oneHost, vms } from "@/api/queries";
import { HostCharts } from "@/charts/HostCharts";
import { Confirm } from "@/forms/Confirm";
import { PlanPreview } from "@/forms/PlanPreview";
import { usePlan, useStart } from "@/forms/start";
import { StartButtons } from "@/forms/StartButtons";
import { Table } from "@/table/Table";
import { Button } from "@/ui/Button";
import { ID } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { Empty } from "@/ui/Empty";
import { bytes, plural } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure, Notice } from "@/ui/Notice";
import { Facts, Loading, Page as Frame, Section } from "@/ui/Page";
import { State } from "@/ui/State";
import { hostLook } from "@/ui/states";
import { useSay } from "@/ui/Toasts";
import { When } from "@/ui/When";
import { hostVMColumns } from "./vm/columns";

export function Page() {
  const { host: reference = "" } = useParams();
  const { data: host, error, refetch } = useQuery({ ...oneHost(reference), refetchInterval: 10_000 });
  if (!host) {
    return (
      <Frame title={reference} above={{ to: "/hosts", label: "Hosts" }}>
        <div className="px-4">{error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what="the host" />}</div>
      </Frame>
    );
  }
  return (
    <Frame title={host.name} above={{ to: "/hosts", label: "Hosts" }} state={<State look={hostLook[host.state]} />} actions={<Actions host={host} />}>
      <div className="space-y-6 px-4">
        {host.state === "offline" && (
          <Notice tone="attention">
            It does not answer; its last report came <When at={host.last_seen_at} />. Its VMs may still run: nothing is started elsewhere until that is known. Look
            at the machine and its novacron-worker.
          </Notice>
        )}
        {host.operation_id && (
          <Notice>
            An operation is working on this host.{" "}
            <Link to={`/operations/${host.operation_id}`} className="text-accent underline">
              Watch it
            </Link>
          </Notice>
        )}
        <div className="grid gap-6 xl:grid-cols-[20rem_minmax(0,1fr)]">
          <div className="space-y-6">
            <About host={host} />
            <Pools host={host} />
          </div>
          <div className="min-w-0 space-y-6">
            <HostCharts host={host} />
            <HostVMs host={host} />
          </div>
        </div>
      </div>
    </Frame>
  );
}

function About({ host }: { host: Host }) {
  const { facts } = host;
  return (
    <Section title="About">
      <Facts
        rows={[
          ["ID", <ID key="id" id={host.id} />],
          ["Last report", <When key="seen" at={host.last_seen_at} />],
          ["CPUs", `${facts.cpus}, ${host.promised.cpus} promised`],
          ["Memory", `${bytes(facts.memory_bytes)}, ${bytes(host.promised.memory_bytes)} promised`],
          ["CPU model", facts.cpu_model || "–"],
          ["Architecture", facts.architecture],
          ["Acceleration", facts.acceleration === "tcg" ? "none (software emulation)" : facts.acceleration.toUpperCase()],
          ["libvirt", facts.libvirt_version],
          ["QEMU", facts.hypervisor_version],
          ["Worker", facts.worker_version],
          ["Address", facts.migration_address || "–"],
          ["Joined", <When key="joined" at={host.created_at} />],
        ]}
      />
    </Section>
  );
}

function Pools({ host }: { host: Host }) {
  return (
    <Section title="Pools">
      <ul className="divide-y divide-line rounded border border-line text-sm">
        {(host.facts.pools ?? []).map((pool) => (
          <li key={pool.name} className="px-3 py-2">
            <div className="flex justify-between gap-2">
              <span className="font-medium">{pool.name}</span>
              <span className="text-muted">{pool.shared ? "shared" : "on this host"}</span>
            </div>
            {pool.available ? (
              <Meter
                label={`Used of pool ${pool.name}`}
                fraction={pool.capacity_bytes ? pool.used_bytes / pool.capacity_bytes : 0}
                text={`${bytes(pool.used_bytes)} / ${bytes(pool.capacity_bytes)}`}
              />
            ) : (
              <p className="text-failed">Not available: {pool.detail}</p>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function HostVMs({ host }: { host: Host }) {
  const list = usePages(vms({ host: host.name }));
  return (
    <Section title={plural(host.vms, "VM")}>
      <Failure error={list.error} retry={list.retry} />
      {!list.loading && (
        <Table
          name="VMs on this host"
          rows={list.rows}
          columns={hostVMColumns}
          id={(vm) => vm.id}
          more={list.more}
          short
          empty={<Empty title="No VMs here">New VMs are placed where they fit best.</Empty>}
        />
      )}
    </Section>
  );
}

type Asked = "drain" | "remove";

function Actions({ host }: { host: Host }) {
  const say = useSay();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const toggle = useMutation({
    mutationFn: () => cordon(host.id, !host.cordoned),
    onSuccess: () => client.invalidateQueries({ queryKey: ["host"] }),
    onError: say.failed,
  });
  const offline = host.state === "offline" ? "It does not answer." : undefined;
  const busy = host.operation_id ? "An operation is working on it." : undefined;
  return (
    <>
      <Button
        onClick={() => toggle.mutate()}
        disabled={toggle.isPending}
        hint={host.cordoned ? "Let it take new VMs again" : "Keep its VMs, give it no new ones"}
      >
        {host.cordoned ? "Uncordon" : "Cordon"}
      </Button>
      <Button why={offline ?? busy} onClick={() => setAsked("drain")}>
        Drain…
      </Button>
      <Button why={host.vms > 0 ? `It still has ${plural(host.vms, "VM")}; drain it first.` : busy} onClick={() => setAsked("remove")}>
        Remove…
      </Button>
      {asked === "drain" && <DrainDialog host={host} close={close} />}
      {asked === "remove" && (
        <Confirm
          title={`Remove ${host.name}`}
          label="Remove"
          danger
          name={host.name}
          close={close}
          act={async () => {
            await removeHost(host.id);
            void client.invalidateQueries({ queryKey: ["host"] });
            void navigate("/hosts");
          }}
        >
          The host is forgotten and its worker is refused from now on. The machine itself is not changed. To have it back, it must be added again.
        </Confirm>
      )}
    </>
  );
}

function DrainDialog({ host, close }: { host: Host; close: () => void }) {
  const start = useStart();
  const what = ask.drain(host.id);
  const preview = usePlan(what, start);
  return (
    <Dialog title={`Drain ${host.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm">
          It takes no new VMs from now on, and its {plural(host.vms, "VM")} move to other hosts: live if they run, cold if they are off.
        </p>
        <PlanPreview preview={preview} />
        <Failure error={start.error} />
        <StartButtons label="Drain" close={close} pending={start.isPending} />
      </form>
    </Dialog>
  );
}
