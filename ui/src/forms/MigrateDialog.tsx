import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/actions";
import type { Limits, VM } from "@/api/nouns";
import { hosts } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { Advanced, CheckField, SelectField, TextField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { bytes } from "@/ui/format";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

const fields = [
  "to",
  "limits.bandwidth_bytes_per_second",
  "limits.max_downtime_ms",
  "limits.start_downtime_ms",
  "limits.timeout_seconds",
];

// MigrateDialog moves a VM: live while it runs, cold while it is off.
export function MigrateDialog({ vm, cold, close }: { vm: VM; cold: boolean; close: () => void }) {
  const [to, setTo] = useState("");
  const [limits, setLimits] = useState<Limits>({});
  const start = useStart();
  const body = { to: to || undefined, cold: cold || undefined, limits: cold ? undefined : limits };
  const what = ask.migrate(vm.id, body);
  const preview = usePlan(what, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={cold ? `Move ${vm.name} (cold)` : `Migrate ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">
          {cold
            ? "It is off and stays off; its disk moves along where storage is not shared."
            : "It keeps running, with its address and its open connections. At the end it stands still for a moment."}
        </p>
        <Target vm={vm} to={to} setTo={setTo} error={errors.to} />
        {!cold && <LimitFields limits={limits} set={setLimits} errors={errors} />}
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.migrate(vm.name, to, cold, limits)} />
        <Failure error={unplaced(error, fields)} />
        <StartButtons label={cold ? "Move" : "Migrate"} close={close} pending={start.isPending} />
      </form>
    </Dialog>
  );
}

function Target({ vm, to, setTo, error }: { vm: VM; to: string; setTo: (to: string) => void; error?: string }) {
  const { data = [] } = useQuery(hosts());
  return (
    <SelectField label="To host" value={to} onChange={(event) => setTo(event.target.value)} error={error}>
      <option value="">Best fit (the placement decides)</option>
      {data
        .filter((host) => host.id !== vm.host_id)
        .map((host) => (
          <option key={host.id} value={host.name} disabled={host.state !== "ready"}>
            {host.name}
            {host.state === "ready"
              ? ` · ${bytes(host.facts.memory_bytes - host.promised.memory_bytes)} not promised`
              : ` · ${host.state}`}
          </option>
        ))}
    </SelectField>
  );
}

interface LimitProps {
  limits: Limits;
  set: (limits: Limits) => void;
  errors: Record<string, string>;
}

function LimitFields({ limits, set, errors }: LimitProps) {
  const number = (name: keyof Limits, scale = 1) => (event: { target: { value: string } }) =>
    set({ ...limits, [name]: event.target.value === "" ? undefined : Math.round(Number(event.target.value) * scale) });
  const bandwidth = limits.bandwidth_bytes_per_second;
  return (
    <Advanced summary="Limits">
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label="Bandwidth, MiB/s"
          type="number"
          min={1}
          placeholder="as fast as it goes"
          value={bandwidth === undefined ? "" : bandwidth / 2 ** 20}
          onChange={number("bandwidth_bytes_per_second", 2 ** 20)}
          error={errors["limits.bandwidth_bytes_per_second"]}
        />
        <TextField
          label="Longest pause, ms"
          type="number"
          min={1}
          placeholder="500"
          value={limits.max_downtime_ms ?? ""}
          onChange={number("max_downtime_ms")}
          error={errors["limits.max_downtime_ms"]}
        />
        <TextField
          label="Pause to try first, ms"
          type="number"
          min={1}
          placeholder="300"
          value={limits.start_downtime_ms ?? ""}
          onChange={number("start_downtime_ms")}
          error={errors["limits.start_downtime_ms"]}
        />
        <TextField
          label="Give up after, s"
          type="number"
          min={1}
          placeholder="800"
          value={limits.timeout_seconds ?? ""}
          onChange={number("timeout_seconds")}
          error={errors["limits.timeout_seconds"]}
        />
      </div>
      <CheckField
        label="Slow the guest down if it changes memory too fast"
        checked={limits.allow_throttle ?? false}
        onChange={(event) => set({ ...limits, allow_throttle: event.target.checked || undefined })}
      />
      <CheckField
        label="Switch to post-copy if nothing else helps"
        hint="The VM runs on the new host before all its memory is there. If either host fails meanwhile, the VM is lost."
        checked={limits.allow_post_copy ?? false}
        onChange={(event) => set({ ...limits, allow_post_copy: event.target.checked || undefined })}
      />
    </Advanced>
  );
}
