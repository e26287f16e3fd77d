import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ask } from "@/api/actions";
import type { CreateVM as Request } from "@/api/actions";
import { hosts, images, networks, pools } from "@/api/queries";
import { LinkButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Advanced, SelectField, TextField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { bytes, parseSize } from "@/ui/format";
import { CloudInitFields, isPlaced, toCloudInit, untold } from "./CloudInitFields";
import type { CloudInitDraft } from "./CloudInitFields";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { useSource } from "./source";
import type { Source } from "./source";
import { SourceFields } from "./SourceFields";
import { StartButtons } from "./StartButtons";

interface Draft extends CloudInitDraft {
  name: string;
  source: string; // image:NAME or template:NAME; the first image if empty
  version: string; // of the template, by its number; the current one if empty
  cpus?: string; // as typed; undefined is what the source says
  memory?: string;
  disk: string;
  pool: string;
  network: string;
  host: string;
}

const empty: Draft = { ...untold, name: "", source: "", version: "", disk: "", pool: "", network: "", host: "" };
const fields = ["name", "image", "template", "cpus", "memory_bytes", "disk_bytes", "pool", "network", "host"];
const namePattern = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const smallestDisk = 2 ** 30;
const smallestMemory = 128 * 2 ** 20; // what a VM gets if neither it nor its template asks for an amount

// sizes are what the form says if nothing is typed: what goes with an image, or nothing where a template says it.
const sizes = ({ template }: Source) => (template ? { cpus: "", memory: "" } : { cpus: "1", memory: "512 MiB" });

// check finds what can be said without asking the API, so that the dry run is not sent half a form.
function check(draft: Draft, source: Source): Record<string, string> {
  const wrong: Record<string, string> = {};
  const { cpus, memory } = { ...sizes(source), ...draft };
  const smallest = source.image?.virtual_bytes ?? source.version?.image_virtual_bytes ?? 0;
  if (draft.name && !namePattern.test(draft.name)) {
    wrong.name = "1 to 63 lower-case letters, digits and hyphens, beginning with a letter.";
  }
  if (!(Number(cpus) >= 1) && !(source.template && !cpus)) wrong.cpus = "At least 1.";
  if (!parseSize(memory, "M") && !(source.template && !memory)) wrong.memory_bytes = "A size, such as 512 MiB or 2 GiB.";
  const disk = parseSize(draft.disk, "G");
  if (draft.disk && !disk) wrong.disk_bytes = "A size, such as 10 GiB.";
  else if (disk && disk < smallest) wrong.disk_bytes = `At least the image's ${bytes(smallest)}.`;
  return wrong;
}

function toRequest(draft: Draft, source: Source): Request {
  const { cpus, memory } = { ...sizes(source), ...draft };
  const disk = source.template ? undefined : Math.max(smallestDisk, source.image?.virtual_bytes ?? 0);
  return {
    name: draft.name,
    image: source.image?.name,
    template: source.template,
    cpus: cpus ? Number(cpus) : undefined,
    memory_bytes: parseSize(memory, "M"),
    disk_bytes: parseSize(draft.disk, "G") ?? disk,
    pool: draft.pool || undefined,
    network: draft.network || undefined,
    host: draft.host || undefined,
    cloud_init: toCloudInit(draft),
  };
}

export function CreateVM({ close }: { close: () => void }) {
  const [draft, setDraft] = useState(empty);
  const [touched, setTouched] = useState(false);
  const navigate = useNavigate();
  const start = useStart();
  const { data: allImages } = useQuery(images());
  const source = useSource(draft.source, draft.version);
  const wrong = check(draft, source);
  const request = toRequest(draft, source);
  const shown = { ...sizes(source), ...draft };
  const complete = draft.name !== "" && Boolean(source.image ?? source.template) && Object.keys(wrong).length === 0;
  const what = ask.createVM(request);
  const preview = usePlan(complete ? what : undefined, start);
  const error = preview.error ?? start.error;
  const errors = { ...errorsOf(error), ...wrong };
  if (touched && !draft.name) errors.name = "It needs a name.";

  const set = (name: keyof Draft) => (event: { target: { value: string } }) => {
    start.reset();
    setDraft((old) => ({ ...old, [name]: event.target.value }));
  };
  const setSource = (event: { target: { value: string } }) => {
    start.reset();
    setDraft((old) => ({ ...old, source: event.target.value, version: "" }));
  };
  const submit = () => {
    setTouched(true);
    if (complete) {
      start.mutate(what, {
        onSuccess: (operation) => {
          close();
          void navigate(`/operations/${operation.id}`);
        },
      });
    }
  };

  return (
    <Dialog title="Create a VM" close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {allImages?.length === 0 && !source.template && (
          <Notice tone="attention" action={<LinkButton to="/images">Images</LinkButton>}>
            There is no image yet to make a VM from. Upload one first.
          </Notice>
        )}
        <TextField label="Name" autoFocus placeholder="web-1" value={draft.name} onChange={set("name")} error={errors.name} />
        <SourceFields source={source} version={draft.version} setSource={setSource} setVersion={set("version")} errors={errors} />
        <div className="grid gap-3 sm:grid-cols-3">
          <TextField label="CPUs" type="number" min={1} max={256} value={shown.cpus} placeholder={`${source.version?.defaults.cpus ?? 1}`} onChange={set("cpus")} error={errors.cpus} />
          <TextField label="Memory" value={shown.memory} placeholder={bytes(source.version?.defaults.memory_bytes ?? smallestMemory)} onChange={set("memory")} error={errors.memory_bytes} />
          <TextField
            label="Disk"
            placeholder={bytes(request.disk_bytes ?? source.version?.defaults.disk_bytes ?? Math.max(smallestDisk, source.version?.image_virtual_bytes ?? 0))}
            value={draft.disk}
            onChange={set("disk")}
            error={errors.disk_bytes}
          />
        </div>
        <PlacementFields draft={draft} set={set} errors={errors} />
        <CloudInitFields draft={draft} set={set} errors={errors} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.createVM(request)} />
        <Failure error={unplaced(error, [...fields, ...Object.keys(errors).filter(isPlaced)])} />
        <StartButtons label="Create" close={close} pending={start.isPending} />
      </form>
    </Dialog>
  );
}

interface PlacementProps {
  draft: Draft;
  set: (name: keyof Draft) => (event: { target: { value: string } }) => void;
  errors: Record<string, string>;
}

function PlacementFields({ draft, set, errors }: PlacementProps) {
  const allHosts = useQuery(hosts()).data ?? [];
  const allPools = useQuery(pools()).data ?? [];
  const allNetworks = useQuery(networks()).data ?? [];
  return (
    <Advanced summary="Placement, storage and network">
      <SelectField label="Host" value={draft.host} onChange={set("host")} error={errors.host}>
        <option value="">Best fit (the placement decides)</option>
        {allHosts.map((host) => (
          <option key={host.id} value={host.name} disabled={host.state !== "ready"}>
            {host.name}
            {host.state === "ready" ? "" : ` · ${host.state}`}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="Pool"
        value={draft.pool}
        onChange={set("pool")}
        error={errors.pool}
        hint="A shared pool makes migrations fast: only memory moves."
      >
        <option value="">Shared where every host has it, else local</option>
        {allPools.map((pool) => (
          <option key={pool.name} value={pool.name}>
            {pool.name} · {pool.shared ? "shared" : "on each host"}
          </option>
        ))}
      </SelectField>
      <SelectField label="Network" value={draft.network} onChange={set("network")} error={errors.network}>
        <option value="">The default network</option>
        {allNetworks.map((network) => (
          <option key={network.id} value={network.name}>
            {network.name} · {network.range}
          </option>
        ))}
      </SelectField>
    </Advanced>
  );
}
