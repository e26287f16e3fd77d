import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { ask } from "@/api/actions";
import { can } from "@/api/can";
import { get } from "@/api/client";
import type { Page, VM, Volume } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { bytes } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { PickField } from "@/ui/PickField";
import { vmLook } from "@/ui/states";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { useTransitions } from "./transitions";
import { BusField } from "./VolumeFields";
import type { Bus } from "./VolumeFields";

const offered = 50;

// useTakers are the VMs that may have the volume: they reach it, and their state allows it.
function useTakers(volume: Volume, text: string): VM[] {
  const table = useTransitions();
  const filter = { q: useDeferredValue(text.trim()), host: volume.host_name, limit: offered };
  const { data } = useQuery({
    queryKey: ["vm", "search", filter],
    queryFn: ({ signal }) => get<Page<VM>>("/vms", filter, signal),
    placeholderData: (old) => old,
  });
  return (data?.items ?? []).filter((vm) => can(table, vm, "attach_volume").allowed);
}

// AttachVolume gives a volume to a VM.
export function AttachVolume({ volume, close }: { volume: Volume; close: () => void }) {
  const [text, setText] = useState("");
  const [machine, setMachine] = useState("");
  const [bus, setBus] = useState<Bus>("virtio");
  const takers = useTakers(volume, text);
  const vm = takers.find((each) => each.name === machine);
  const start = useStart();
  const what = ask.attachVolume(vm?.id ?? machine, { volume: volume.id, bus });
  const preview = usePlan(vm ? what : undefined, start);
  const error = start.error ?? preview.error;
  return (
    <Dialog title={`Attach ${volume.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">
          {volume.host_name
            ? `It is in pool ${volume.pool} of host ${volume.host_name}, so it can be given to VMs there.`
            : `It is in pool ${volume.pool}, which hosts share.`}{" "}
          A VM gets its {bytes(volume.size_bytes)} while it runs or while it is off.
        </p>
        <PickField
          label="VM"
          find="Find a VM"
          text={text}
          setText={setText}
          choices={takers.map((each) => ({ value: each.name, label: each.name, note: `${vmLook[each.state].word} on ${each.host_name}` }))}
          value={machine}
          set={setMachine}
          none={volume.host_name ? `No VM on ${volume.host_name} can take it now.` : "No such VM can take it now."}
        />
        <BusField bus={bus} set={setBus} error={errorsOf(error).bus} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.attachVolume(machine, { volume: volume.name ?? volume.id, bus })} />
        <Failure error={unplaced(error, ["bus"])} />
        <StartButtons label="Attach" close={close} pending={start.isPending} why={vm ? undefined : "Choose a VM first."} />
      </form>
    </Dialog>
  );
}
