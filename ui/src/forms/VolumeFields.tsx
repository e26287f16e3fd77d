import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { AttachVolume, CreateVolume } from "@/api/actions";
import { hosts, pools } from "@/api/queries";
import { Advanced, SelectField, TextField } from "@/ui/Field";
import { parseSize } from "@/ui/format";

const GiB = 2 ** 30;

export const newVolumeFields = ["name", "size_bytes", "pool", "host"];

interface Draft {
  name: string;
  size: string;
  pool: string;
  host: string;
}

// useDraft is a volume as it is being typed, and the request that it comes to.
export function useDraft(given: { pool?: string; host?: string }) {
  const [draft, setDraft] = useState<Draft>({ name: "", size: "10 GiB", pool: given.pool ?? "", host: given.host ?? "" });
  const size = parseSize(draft.size, "G");
  const request: CreateVolume = { name: draft.name, size_bytes: size ?? 10 * GiB, pool: draft.pool || undefined, host: draft.host || undefined };
  const errors: Record<string, string> = size ? {} : { size_bytes: "A size, such as 10 GiB." };
  const set = (name: keyof Draft) => (event: { target: { value: string } }) => setDraft((old) => ({ ...old, [name]: event.target.value }));
  return { draft, set, request, errors, complete: draft.name !== "" && size !== undefined };
}

interface FieldsProps {
  draft: Draft;
  set: (name: keyof Draft) => (event: { target: { value: string } }) => void;
  errors: Record<string, string>;
  on?: string; // the host that is to reach it; to be chosen if left out
}

export function VolumeFields({ draft, set, errors, on }: FieldsProps) {
  const all = useQuery(pools()).data ?? [];
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-[2fr_1fr]">
        <TextField label="Name" autoFocus placeholder="data-1" value={draft.name} onChange={set("name")} error={errors.name} />
        <TextField label="Size" value={draft.size} onChange={set("size")} error={errors.size_bytes} />
      </div>
      <SelectField label="Pool" value={draft.pool} onChange={set("pool")} error={errors.pool} hint="VMs on any host can have a volume in a shared pool.">
        <option value="">Shared where every host has it, else local</option>
        {all.map((pool) => (
          <option key={pool.name} value={pool.name}>
            {pool.name} · {pool.shared ? "shared" : "on each host"}
          </option>
        ))}
      </SelectField>
      {!on && <HostField value={draft.host} set={set("host")} error={errors.host} />}
    </>
  );
}

function HostField({ value, set, error }: { value: string; set: (event: { target: { value: string } }) => void; error?: string }) {
  const all = useQuery(hosts()).data ?? [];
  return (
    <Advanced summary="Placement">
      <SelectField label="Host" value={value} onChange={set} error={error} hint="Of a pool that each host has its own of: only VMs there can have the volume.">
        <option value="">Best fit (the placement decides)</option>
        {all.map((host) => (
          <option key={host.id} value={host.name} disabled={host.state !== "ready"}>
            {host.name}
            {host.state === "ready" ? "" : ` · ${host.state}`}
          </option>
        ))}
      </SelectField>
    </Advanced>
  );
}

export type Bus = NonNullable<AttachVolume["bus"]>;

export function BusField({ bus, set, error }: { bus: Bus; set: (bus: Bus) => void; error?: string }) {
  return (
    <SelectField label="Bus" value={bus} onChange={(event) => set(event.target.value as Bus)} error={error}>
      <option value="virtio">virtio · for most guests</option>
      <option value="scsi">scsi · more disks, and more commands</option>
    </SelectField>
  );
}
