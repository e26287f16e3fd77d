import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { ask } from "@/api/actions";
import { get } from "@/api/client";
import type { Page, VM, Volume } from "@/api/nouns";
import { canOnVolume } from "@/api/volume";
import { Dialog } from "@/ui/Dialog";
import { bytes } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { PickField } from "@/ui/PickField";
import { AttachNew } from "./AttachNew";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { BusField } from "./VolumeFields";
import type { Bus } from "./VolumeFields";

// AttachToVM gives a VM a volume that is there, or a new one.
export function AttachToVM({ vm, close }: { vm: VM; close: () => void }) {
  const [fresh, setFresh] = useState(false);
  const [fixed, setFixed] = useState(false);
  return (
    <Dialog title={`Attach a volume to ${vm.name}`} close={close}>
      <fieldset className="mb-3 flex flex-wrap gap-x-6 gap-y-1 text-sm" disabled={fixed}>
        <legend className="sr-only">Which volume</legend>
        {[false, true].map((each) => (
          <label key={String(each)} className="flex items-center gap-2">
            <input type="radio" name="which" checked={fresh === each} onChange={() => setFresh(each)} className="size-4 accent-accent-fill" />
            {each ? "A new one" : "One that is there"}
          </label>
        ))}
      </fieldset>
      {fresh ? <AttachNew vm={vm} close={close} begun={() => setFixed(true)} /> : <AttachOne vm={vm} close={close} />}
    </Dialog>
  );
}

const offered = 500;

// useFitting are the volumes that the VM may have: they belong to none, and are not in a pool of another host.
function useFitting(vm: VM, text: string): Volume[] {
  const filter = { q: useDeferredValue(text.trim()), state: "ready", limit: offered };
  const { data } = useQuery({
    queryKey: ["volume", "search", filter],
    queryFn: ({ signal }) => get<Page<Volume>>("/volumes", filter, signal),
    placeholderData: (old) => old,
  });
  return (data?.items ?? []).filter((volume) => canOnVolume(volume, "attach").allowed && (!volume.host_id || volume.host_id === vm.host_id));
}

function AttachOne({ vm, close }: { vm: VM; close: () => void }) {
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [bus, setBus] = useState<Bus>("virtio");
  const fitting = useFitting(vm, text);
  const volume = fitting.find((each) => each.name === name);
  const start = useStart();
  const what = ask.attachVolume(vm.id, { volume: volume?.id ?? name, bus });
  const preview = usePlan(volume ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate(what, { onSuccess: close });
      }}
    >
      <PickField
        label="Volume"
        find="Find a volume"
        text={text}
        setText={setText}
        choices={fitting.map((each) => ({ value: each.name!, label: each.name!, note: `${bytes(each.size_bytes)} in ${each.pool}` }))}
        value={name}
        set={setName}
        none={text ? "No free volume that fits has such a name." : `No free volume is within reach of ${vm.host_name}. Make a new one.`}
        error={errors.volume}
      />
      <BusField bus={bus} set={setBus} error={errors.bus} />
      <PlanPreview preview={preview} hideError />
      <CopyAs ask={what} command={cli.attachVolume(vm.name, { volume: name, bus })} />
      <Failure error={unplaced(error, ["volume", "bus"])} />
      <StartButtons label="Attach" close={close} pending={start.isPending} why={volume ? undefined : "Choose a volume first."} />
    </form>
  );
}
