import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ask } from "@/api/actions";
import type { RestoreBackup } from "@/api/actions";
import { can } from "@/api/can";
import type { Backup } from "@/api/nouns";
import { vm as oneVM } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { CheckField, TextField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { exactTime } from "@/ui/When";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlaceFields } from "./PlaceFields";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { useTransitions } from "./transitions";
import { notTyped, TypedName } from "./TypedName";

// RestoreDialog brings a backup back: as a new VM beside the old one, or in place of what the VM's disks hold now.
export function RestoreDialog({ backup, close }: { backup: Backup; close: () => void }) {
  const navigate = useNavigate();
  const [inPlace, setInPlace] = useState(false);
  const [name, setName] = useState(`${backup.vm_name}-restored`.slice(0, 63));
  const [host, setHost] = useState("");
  const [pool, setPool] = useState("");
  const [power, setPower] = useState(true);
  const [typed, setTyped] = useState("");
  const place = useInPlaceVerdict(backup);
  const start = useStart();

  const body: RestoreBackup = inPlace
    ? { in_place: true, start: power }
    : { name, host: host || undefined, pool: pool || undefined, start: power };
  const what = ask.restore(backup.id, body);
  const preview = usePlan(inPlace || name ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={`Restore ${backup.vm_name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, {
            onSuccess: (operation) => {
              close();
              void navigate(`/operations/${operation.id}`);
            },
          });
        }}
      >
        <p className="text-sm text-muted">As it was at {exactTime(backup.created_at)}.</p>
        <fieldset className="space-y-1 text-sm">
          <legend className="mb-1 font-medium">Where to</legend>
          <label className="flex items-center gap-2">
            <input type="radio" name="where" checked={!inPlace} onChange={() => setInPlace(false)} className="accent-accent-fill" />A new VM; the
            existing one is left alone
          </label>
          <label className={`flex items-center gap-2 ${place.refusal ? "text-muted" : ""}`}>
            <input
              type="radio"
              name="where"
              checked={inPlace}
              disabled={Boolean(place.refusal)}
              onChange={() => setInPlace(true)}
              className="accent-accent-fill"
            />
            In place: set {place.name} back
          </label>
          {place.refusal && <p className="pl-6 text-xs text-muted">{place.refusal}</p>}
        </fieldset>
        {inPlace ? (
          <>
            <Notice tone="attention">
              Everything written to the disks of {place.name} since {exactTime(backup.created_at)} is lost.
            </Notice>
            <TypedName name={place.name} typed={typed} setTyped={setTyped} />
          </>
        ) : (
          <>
            <TextField label="Name of the new VM" value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
            <PlaceFields host={host} setHost={setHost} pool={pool} setPool={setPool} errors={errors} />
          </>
        )}
        <CheckField label="Start it when the disks are back" checked={power} onChange={(event) => setPower(event.target.checked)} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={inPlace ? undefined : cli.restore(backup.id, name)} />
        <Failure error={unplaced(error, ["name", "host", "pool"])} />
        <StartButtons
          label={inPlace ? "Restore in place" : "Restore"}
          danger={inPlace}
          close={close}
          pending={start.isPending}
          why={inPlace ? notTyped(place.name, typed) : undefined}
        />
      </form>
    </Dialog>
  );
}

function useInPlaceVerdict(backup: Backup): { name: string; refusal?: string } {
  const { data: vm, isPending } = useQuery(oneVM(backup.vm_id));
  const table = useTransitions();
  if (!vm) return { name: backup.vm_name, refusal: isPending ? "Looking for the VM…" : "The VM is gone; restore it as a new one." };
  const verdict = can(table, vm, "restore_in_place");
  return { name: vm.name, refusal: verdict.allowed ? undefined : verdict.reason };
}
