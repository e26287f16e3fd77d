import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { ask } from "@/api/actions";
import { isFinal } from "@/api/can";
import type { Operation, VM } from "@/api/nouns";
import { operation as oneOperation } from "@/api/queries";
import { Button } from "@/ui/Button";
import { Buttons } from "@/ui/Dialog";
import { Failure, Notice } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { BusField, newVolumeFields, useDraft, VolumeFields } from "./VolumeFields";
import type { Bus } from "./VolumeFields";

interface Props {
  vm: VM;
  close: () => void;
  begun: () => void; // there is no way back to another volume
}

// AttachNew makes a volume within reach of the VM's host, and attaches it.
export function AttachNew({ vm, close, begun }: Props) {
  const { draft, set, request, errors, complete } = useDraft({ host: vm.host_name });
  const [bus, setBus] = useState<Bus>("virtio");
  const [making, setMaking] = useState<Operation>();
  const start = useStart();
  const what = ask.createVolume(request);
  const preview = usePlan(complete ? what : undefined, start);
  const error = start.error ?? preview.error;
  if (making) return <Making vm={vm} bus={bus} begun={making} close={close} />;
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (!complete) return;
        start.mutate(what, {
          onSuccess: (operation) => {
            begun();
            setMaking(operation);
          },
        });
      }}
    >
      <VolumeFields draft={draft} set={set} errors={{ ...errorsOf(error), ...errors }} on={vm.host_name} />
      <BusField bus={bus} set={setBus} />
      <PlanPreview preview={preview} hideError />
      <CopyAs ask={what} command={`${cli.createVolume(request)} && ${cli.attachVolume(vm.name, { volume: request.name, bus })}`} />
      <Failure error={unplaced(error, newVolumeFields)} />
      <StartButtons label="Create and attach" close={close} pending={start.isPending} why={draft.name ? undefined : "It needs a name."} />
    </form>
  );
}

interface MakingProps {
  vm: VM;
  bus: Bus;
  begun: Operation;
  close: () => void;
}

// Making waits until the volume is there, and then attaches it.
function Making({ vm, bus, begun, close }: MakingProps) {
  const operation = useQuery(oneOperation(begun.id)).data ?? begun;
  const { mutate, error } = useStart();
  const asked = useRef(false);
  const made = operation.state === "succeeded";
  useEffect(() => {
    if (!made || asked.current) return;
    asked.current = true;
    mutate(ask.attachVolume(vm.id, { volume: operation.subject.id, bus }), { onSuccess: close });
  }, [made, mutate, vm.id, operation.subject.id, bus, close]);
  const failed = isFinal(operation) && !made;
  return (
    <div className="space-y-3">
      <Notice tone={failed ? "failed" : "info"}>
        {failed ? (operation.error?.message ?? "The volume was not made.") : `Volume ${operation.subject.name} is being made; then ${vm.name} gets it.`}{" "}
        <Link to={`/operations/${operation.id}`} className="text-accent underline">
          {failed ? "See what happened" : "Watch it"}
        </Link>
      </Notice>
      {!failed && !error && <p className="text-sm text-muted">Closed before that, the volume is made and stays free.</p>}
      <Failure error={error} />
      <Buttons>
        <Button onClick={close}>Close</Button>
      </Buttons>
    </div>
  );
}
