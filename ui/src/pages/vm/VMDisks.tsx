import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Plus } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { can } from "@/api/can";
import type { Verdict } from "@/api/can";
import type { Disk, VM } from "@/api/nouns";
import { disks } from "@/api/queries";
import { canOnVolume } from "@/api/volume";
import { DetachVolume } from "@/forms/DetachVolume";
import { GrowDiskDialog } from "@/forms/GrowDiskDialog";
import { LimitDiskDialog } from "@/forms/LimitDiskDialog";
import { MoveDiskDialog } from "@/forms/MoveDiskDialog";
import { useTransitions } from "@/forms/transitions";
import { useVMActions } from "@/forms/VMActions";
import { Button } from "@/ui/Button";
import { ID } from "@/ui/Copy";
import { bytes, limitsOf } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Failure } from "@/ui/Notice";
import { Section } from "@/ui/Page";

type DiskAction = "grow" | "limit" | "move" | "detach";

// VMDisks lists a VM's disks, where each is, and what can be done to it.
export function VMDisks({ vm }: { vm: VM }) {
  const { data = [], error, refetch } = useQuery(disks(vm));
  const act = useVMActions();
  const attach = can(useTransitions(), vm, "attach_volume");
  const [asked, setAsked] = useState<{ disk: Disk; action: DiskAction }>();
  return (
    <Section
      title="Disks"
      actions={
        <Button why={attach.allowed ? undefined : attach.reason} onClick={() => act(vm, "attach_volume")}>
          <Plus className="size-4" aria-hidden /> Attach a volume
        </Button>
      }
    >
      <Failure error={error} retry={() => void refetch()} />
      <ul className="divide-y divide-line rounded border border-line text-sm">
        {data.map((disk) => (
          <Row key={disk.id} vm={vm} disk={disk} ask={(action) => setAsked({ disk, action })} />
        ))}
      </ul>
      {asked && dialogFor(vm, asked.disk, asked.action, () => setAsked(undefined))}
    </Section>
  );
}

function Row({ vm, disk, ask }: { vm: VM; disk: Disk; ask: (action: DiskAction) => void }) {
  const table = useTransitions();
  const limits = limitsOf(disk.limits);
  const whyNot = (...verdicts: Verdict[]) => verdicts.flatMap((verdict) => (verdict.allowed ? [] : verdict.reason))[0];
  return (
    <li className="flex items-start gap-3 py-2 pr-1.5 pl-3">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-baseline gap-x-2">
          <span className="font-medium">{disk.device}</span>
          {disk.name && (
            <Link to={`/volumes?q=${disk.name}`} className="font-medium [overflow-wrap:anywhere] hover:underline">
              {disk.name}
            </Link>
          )}
          <span>{bytes(disk.size_bytes)}</span>
          <span className="text-muted">
            in{" "}
            <Link to={`/storage/${disk.pool}`} className="text-accent underline">
              {disk.pool}
            </Link>
            , {disk.format}
          </span>
          {limits && <span className="text-muted">at most {limits}</span>}
        </div>
        <ID id={disk.id} />
      </div>
      <Menu
        label={`Actions on disk ${disk.device}`}
        icon={<Ellipsis className="size-4" />}
        items={() => [
          { label: "Grow…", why: whyNot(can(table, vm, "grow_disk")), act: () => ask("grow") },
          { label: "Limit…", why: whyNot(can(table, vm, "limit_disk")), act: () => ask("limit") },
          { label: "Move…", why: whyNot(can(table, vm, "move_disk")), act: () => ask("move") },
          { label: "Detach…", why: whyNot(can(table, vm, "detach_volume"), canOnVolume(disk, "detach")), act: () => ask("detach") },
        ]}
      />
    </li>
  );
}

function dialogFor(vm: VM, disk: Disk, action: DiskAction, close: () => void): ReactNode {
  switch (action) {
    case "grow":
      return <GrowDiskDialog vm={vm} disk={disk} close={close} />;
    case "limit":
      return <LimitDiskDialog vm={vm} disk={disk} close={close} />;
    case "move":
      return <MoveDiskDialog vm={vm} disk={disk} close={close} />;
    case "detach":
      return <DetachVolume disk={disk} close={close} />;
  }
}
