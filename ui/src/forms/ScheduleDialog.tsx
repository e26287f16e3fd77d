import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createSchedule } from "@/api/actions";
import type { CreateSchedule } from "@/api/actions";
import { get } from "@/api/client";
import type { Page, VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { CopyAs } from "./CopyAs";
import { errorsOf, unplaced } from "./start";
import { StartButtons } from "./StartButtons";

const rhythms: { value: string; label: string; cron?: string; every?: number }[] = [
  { value: "hourly", label: "Every hour", every: 3_600 },
  { value: "nightly", label: "Every night at 02:00 UTC", cron: "0 2 * * *" },
  { value: "weekly", label: "Every Sunday at 02:00 UTC", cron: "0 2 * * 0" },
  { value: "cron", label: "A cron line…" },
  { value: "every", label: "An interval in minutes…" },
];

const fields = ["vm", "name", "cron", "every_seconds", "keep.last", "keep.within_hours"];

// ScheduleDialog has backups of one VM taken again and again.
export function ScheduleDialog({ vm, close }: { vm?: VM; close: () => void }) {
  const client = useQueryClient();
  const [machine, setMachine] = useState(vm?.name ?? "");
  const [name, setName] = useState("");
  const [rhythm, setRhythm] = useState("nightly");
  const [cron, setCron] = useState("0 2 * * *");
  const [minutes, setMinutes] = useState("60");
  const [last, setLast] = useState("14");
  const [hours, setHours] = useState("");
  const chosen = rhythms.find((each) => each.value === rhythm);
  const request: CreateSchedule = {
    vm: vm?.id ?? machine,
    name: name || `${machine || "vm"}-${rhythm}`,
    cron: rhythm === "cron" ? cron : chosen?.cron,
    every_seconds: rhythm === "every" ? Math.round(Number(minutes) * 60) : chosen?.every,
    keep: { last: Number(last) || undefined, within_hours: Number(hours) || undefined },
  };
  const create = useMutation({
    mutationFn: () => createSchedule(request),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["schedule"] });
      close();
    },
  });
  const errors = errorsOf(create.error);
  return (
    <Dialog title={vm ? `Schedule backups of ${vm.name}` : "Schedule backups"} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        {!vm && <MachineField value={machine} set={setMachine} error={errors.vm} />}
        <SelectField label="When" value={rhythm} onChange={(event) => setRhythm(event.target.value)}>
          {rhythms.map((each) => (
            <option key={each.value} value={each.value}>
              {each.label}
            </option>
          ))}
        </SelectField>
        {rhythm === "cron" && (
          <TextField
            label="Cron line, UTC"
            value={cron}
            onChange={(event) => setCron(event.target.value)}
            hint="Minute, hour, day of the month, month, day of the week."
            error={errors.cron}
          />
        )}
        {rhythm === "every" && (
          <TextField
            label="Minutes between two backups"
            type="number"
            min={1}
            value={minutes}
            onChange={(event) => setMinutes(event.target.value)}
            error={errors.every_seconds}
          />
        )}
        <div className="grid gap-3 sm:grid-cols-2">
          <TextField label="Keep the newest" type="number" min={0} placeholder="all" value={last} onChange={(event) => setLast(event.target.value)} error={errors["keep.last"]} />
          <TextField label="Keep those younger than, hours" type="number" min={0} placeholder="any age" value={hours} onChange={(event) => setHours(event.target.value)} error={errors["keep.within_hours"]} />
        </div>
        <TextField label="Name" placeholder={request.name} value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
        <p className="text-xs text-muted">A missed run is caught up once. A run that would overlap the one before is left out, and says so.</p>
        <CopyAs ask={{ method: "POST", path: "/schedules", body: request }} />
        <Failure error={unplaced(create.error, fields)} />
        <StartButtons label="Create the schedule" close={close} pending={create.isPending} why={request.vm ? undefined : "Choose a VM first."} />
      </form>
    </Dialog>
  );
}

function MachineField({ value, set, error }: { value: string; set: (name: string) => void; error?: string }) {
  const { data } = useQuery({
    queryKey: ["vm", "search", value],
    queryFn: ({ signal }) => get<Page<VM>>("/vms", { q: value, limit: 20 }, signal),
    placeholderData: (old) => old,
  });
  return (
    <>
      <TextField label="VM" list="schedule-vms" autoFocus value={value} onChange={(event) => set(event.target.value)} error={error} />
      <datalist id="schedule-vms">
        {data?.items?.map((vm) => (
          <option key={vm.id} value={vm.name} />
        ))}
      </datalist>
    </>
  );
}
