import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ask } from "@/api/actions";
import type { CreateVM as Request } from "@/api/actions";
import type { Image } from "@/api/nouns";
import { hosts, images, networks, pools } from "@/api/queries";
import { LinkButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Advanced, SelectField, TextField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { bytes, parseSize } from "@/ui/format";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

interface Draft {
  name: string;
  image: string;
  cpus: string;
  memory: string;
  disk: string;
  pool: string;
  network: string;
  host: string;
}

const empty: Draft = { name: "", image: "", cpus: "1", memory: "512 MiB", disk: "", pool: "", network: "", host: "" };
const fields = ["name", "image", "cpus", "memory_bytes", "disk_bytes", "pool", "network", "host"];
const namePattern = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const smallestDisk = 2 ** 30;

// check finds what can be said without asking the API, so that the dry run is not sent half a form.
function check(draft: Draft, image: Image | undefined): Record<string, string> {
  const wrong: Record<string, string> = {};
  if (draft.name && !namePattern.test(draft.name)) {
    wrong.name = "1 to 63 lower-case letters, digits and hyphens, beginning with a letter.";
  }
  if (!(Number(draft.cpus) >= 1)) wrong.cpus = "At least 1.";
  if (!parseSize(draft.memory, "M")) wrong.memory_bytes = "A size, such as 512 MiB or 2 GiB.";
  const disk = parseSize(draft.disk, "G");
  if (draft.disk && !disk) wrong.disk_bytes = "A size, such as 10 GiB.";
  else if (disk && image && disk < image.virtual_bytes) {
    wrong.disk_bytes = `At least the image's ${bytes(image.virtual_bytes)}.`;
  }
  return wrong;
}

function toRequest(draft: Draft, image: Image | undefined): Request {
  return {
    name: draft.name,
    image: image?.name ?? draft.image,
    cpus: Number(draft.cpus),
    memory_bytes: parseSize(draft.memory, "M") ?? 0,
    disk_bytes: parseSize(draft.disk, "G") ?? Math.max(smallestDisk, image?.virtual_bytes ?? 0),
    pool: draft.pool || undefined,
    network: draft.network || undefined,
    host: draft.host || undefined,
  };
}

export function CreateVM({ close }: { close: () => void }) {
  const [draft, setDraft] = useState(empty);
  const [touched, setTouched] = useState(false);
  const navigate = useNavigate();
  const start = useStart();
  const { data: allImages } = useQuery(images());
  const image = allImages?.find((each) => each.name === draft.image) ?? allImages?.[0];
  const wrong = check(draft, image);
  const request = toRequest(draft, image);
  const complete = draft.name !== "" && Boolean(image) && Object.keys(wrong).length === 0;
  const what = ask.createVM(request);
  const preview = usePlan(complete ? what : undefined, start);
  const error = preview.error ?? start.error;
  const errors = { ...errorsOf(error), ...wrong };
  if (touched && !draft.name) errors.name = "It needs a name.";

  const set = (name: keyof Draft) => (event: { target: { value: string } }) => {
    start.reset();
    setDraft((old) => ({ ...old, [name]: event.target.value }));
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
        {allImages?.length === 0 && (
          <Notice tone="attention" action={<LinkButton to="/images">Images</LinkButton>}>
            There is no image yet to make a VM from. Upload one first.
          </Notice>
        )}
        <TextField label="Name" autoFocus placeholder="web-1" value={draft.name} onChange={set("name")} error={errors.name} />
        <SelectField label="Image" value={image?.name ?? ""} onChange={set("image")} error={errors.image}>
          {allImages?.map((each) => (
            <option key={each.id} value={each.name}>
              {each.name} · {bytes(each.virtual_bytes)}
            </option>
          ))}
        </SelectField>
        <div className="grid gap-3 sm:grid-cols-3">
          <TextField label="CPUs" type="number" min={1} max={256} value={draft.cpus} onChange={set("cpus")} error={errors.cpus} />
          <TextField label="Memory" value={draft.memory} onChange={set("memory")} error={errors.memory_bytes} />
          <TextField
            label="Disk"
            placeholder={bytes(request.disk_bytes)}
            value={draft.disk}
            onChange={set("disk")}
            error={errors.disk_bytes}
          />
        </div>
        <PlacementFields draft={draft} set={set} errors={errors} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.createVM(request)} />
        <Failure error={unplaced(error, fields)} />
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
