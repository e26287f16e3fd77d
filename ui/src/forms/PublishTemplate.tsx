import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ask, publishTemplate } from "@/api/actions";
import type { PublishTemplate as FromImage, PublishVM as FromVM } from "@/api/actions";
import { can } from "@/api/can";
import type { Template, VM } from "@/api/nouns";
import { usePages } from "@/api/pages";
import { images, networks, vms } from "@/api/queries";
import { labelOf } from "@/api/template";
import { Dialog } from "@/ui/Dialog";
import { Advanced, CheckField, SelectField, TextField } from "@/ui/Field";
import { bytes, parseSize } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { useSay } from "@/ui/Toasts";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { useTransitions } from "./transitions";

interface Draft {
  name: string;
  description: string;
  notes: string;
  promote: boolean;
  cpus: string;
  memory: string;
  disk: string;
  network: string;
  everyones: boolean;
}

const fields = ["name", "image", "vm", "description", "notes", "generalised", "cpus", "memory_bytes", "disk_bytes", "network"];
const sizeHint = "A size, such as 512 MiB or 2 GiB.";

// check finds what can be said without asking the API.
function check({ cpus, memory, disk }: Draft): Record<string, string> {
  const wrong: Record<string, string> = {};
  if (cpus && !(Number(cpus) >= 1)) wrong.cpus = "At least 1.";
  if (memory && !parseSize(memory, "M")) wrong.memory_bytes = sizeHint;
  if (disk && !parseSize(disk, "G")) wrong.disk_bytes = sizeHint;
  return wrong;
}

const versionOf = (draft: Draft) => ({
  name: draft.name,
  description: draft.description || undefined,
  notes: draft.notes || undefined,
  promote: draft.promote || undefined,
  cpus: draft.cpus ? Number(draft.cpus) : undefined,
  memory_bytes: parseSize(draft.memory, "M"),
  disk_bytes: parseSize(draft.disk, "G"),
  network: draft.network || undefined,
  public: draft.everyones || undefined,
});

// PublishTemplate makes a version of a template: of an image at once, or of the disk that a VM boots from, as an operation.
export function PublishTemplate({ template, vm, close }: { template?: Template; vm?: VM; close: () => void }) {
  const [from, setFrom] = useState<"image" | "vm">(vm ? "vm" : "image");
  const [draft, setDraft] = useState<Draft>({
    name: template?.name ?? "",
    description: "",
    notes: "",
    promote: true,
    cpus: "",
    memory: "",
    disk: "",
    network: "",
    everyones: Boolean(template) && !template?.project_id,
  });
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  return (
    <Dialog title={template ? `Publish a version of ${template.name}` : "Publish a template"} close={close}>
      <div className="space-y-3">
        {!vm && (
          <SelectField label="From" value={from} onChange={(event) => setFrom(event.target.value as "image" | "vm")}>
            <option value="image">An image</option>
            <option value="vm">The disk that a VM boots from</option>
          </SelectField>
        )}
        {from === "image" ? (
          <ImageForm draft={draft} set={set} fixed={Boolean(template)} close={close} />
        ) : (
          <VMForm draft={draft} set={set} fixed={Boolean(template)} vm={vm} close={close} />
        )}
      </div>
    </Dialog>
  );
}

interface FormProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  fixed: boolean; // the template is given
  close: () => void;
}

function ImageForm({ draft, set, fixed, close }: FormProps) {
  const client = useQueryClient();
  const say = useSay();
  const all = useQuery(images()).data ?? [];
  const [chosen, setChosen] = useState("");
  const [declared, setDeclared] = useState(false);
  const wrong = check(draft);
  const image = chosen || all[0]?.name || "";
  const body: FromImage = { ...versionOf(draft), image, generalised: declared ? "declared" : undefined };
  const what = ask.publishTemplate(body);
  const ready = draft.name !== "" && image !== "" && Object.keys(wrong).length === 0;
  const send = useMutation({
    mutationFn: () => publishTemplate(body),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["template"] });
      void client.invalidateQueries({ queryKey: ["image"] });
      say(`Version ${labelOf(made)} is ${made.state}.`);
      close();
    },
  });
  const preview = usePlan(ready ? what : undefined, send);
  const error = send.error ?? preview.error;
  const errors = { ...errorsOf(error), ...wrong };
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) send.mutate();
      }}
    >
      <NameField draft={draft} set={set} fixed={fixed} error={errors.name} />
      <SelectField label="Image" value={image} onChange={(event) => setChosen(event.target.value)} error={errors.image}>
        {all.map((each) => (
          <option key={each.id} value={each.name}>
            {each.name} · {bytes(each.virtual_bytes)}
          </option>
        ))}
      </SelectField>
      <CheckField
        label="It holds no machine's identity"
        hint="No machine ID, no SSH host keys: VMs made from it make their own. Images of distributions are like that."
        checked={declared}
        onChange={(event) => setDeclared(event.target.checked)}
      />
      <VersionFields draft={draft} set={set} errors={errors} />
      <PlanPreview preview={preview} hideError />
      <CopyAs ask={what} command={cli.publishTemplate(body)} />
      <Failure error={unplaced(error, fields)} />
      <StartButtons label="Publish" close={close} pending={send.isPending} why={draft.name ? (image ? undefined : "There is no image yet; import one first.") : "Give it a name."} />
    </form>
  );
}

// useCandidates are the VMs whose disk can be published now; a running one is switched off for it.
function useCandidates(): VM[] {
  const table = useTransitions();
  const { rows } = usePages(vms({}));
  return rows.filter((each) => can(table, each, "publish_template").allowed);
}

function VMForm({ draft, set, fixed, vm, close }: FormProps & { vm?: VM }) {
  const navigate = useNavigate();
  const start = useStart();
  const candidates = useCandidates();
  const [chosen, setChosen] = useState(vm?.name ?? "");
  const [declared, setDeclared] = useState(false);
  const machine = vm ?? candidates.find((each) => each.name === chosen) ?? candidates[0];
  const running = machine?.state === "running";
  const wrong = check(draft);
  const body: FromVM = { ...versionOf(draft), vm: machine?.name ?? "", generalised: running ? "agent" : declared ? "declared" : undefined };
  const what = ask.publishVM(body);
  const ready = draft.name !== "" && Boolean(machine) && Object.keys(wrong).length === 0;
  const preview = usePlan(ready ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = { ...errorsOf(error), ...wrong };
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ready) return;
        start.mutate(what, {
          onSuccess: (operation) => {
            close();
            void navigate(`/operations/${operation.id}`);
          },
        });
      }}
    >
      <NameField draft={draft} set={set} fixed={fixed} error={errors.name} />
      {!vm && (
        <SelectField label="VM" value={machine?.name ?? ""} onChange={(event) => setChosen(event.target.value)} error={errors.vm} hint="One that is off, or runs and is switched off for it.">
          {candidates.map((each) => (
            <option key={each.id} value={each.name}>
              {each.name} · {each.state}
            </option>
          ))}
        </SelectField>
      )}
      {running ? (
        <p className="text-sm text-muted">
          Its guest is asked to forget who it is, and then it is switched off. To publish its disk as it is, stop it first.
        </p>
      ) : (
        <CheckField
          label="Its disk holds no machine's identity"
          hint="Otherwise VMs made from it begin with this one's: machine ID, SSH host keys."
          checked={declared}
          onChange={(event) => setDeclared(event.target.checked)}
        />
      )}
      <VersionFields draft={draft} set={set} errors={errors} />
      <PlanPreview preview={preview} hideError />
      <CopyAs ask={what} command={cli.publishVM(body)} />
      <Failure error={unplaced(error, fields)} />
      <StartButtons label="Publish" close={close} pending={start.isPending} why={draft.name ? (machine ? undefined : "There is no VM that is off or runs.") : "Give it a name."} />
    </form>
  );
}

function NameField({ draft, set, fixed, error }: Pick<FormProps, "draft" | "set" | "fixed"> & { error?: string }) {
  return (
    <TextField
      label="Template"
      autoFocus
      placeholder="web"
      value={draft.name}
      disabled={fixed}
      onChange={(event) => set({ name: event.target.value })}
      error={error}
      hint={fixed ? undefined : "One that is there gets one version more."}
    />
  );
}

function VersionFields({ draft, set, errors }: Pick<FormProps, "draft" | "set"> & { errors: Record<string, string> }) {
  const all = useQuery(networks()).data ?? [];
  return (
    <>
      <TextField label="Notes" placeholder="what is new in this version" maxLength={1_000} value={draft.notes} onChange={(event) => set({ notes: event.target.value })} error={errors.notes} />
      <CheckField label="Promote it at once" hint="VMs are made from it unless another version is named." checked={draft.promote} onChange={(event) => set({ promote: event.target.checked })} />
      <Advanced summary="What its VMs get unless asked for something else">
        <div className="grid gap-3 sm:grid-cols-3">
          <TextField label="CPUs" type="number" min={1} max={256} value={draft.cpus} onChange={(event) => set({ cpus: event.target.value })} error={errors.cpus} />
          <TextField label="Memory" placeholder="1 GiB" value={draft.memory} onChange={(event) => set({ memory: event.target.value })} error={errors.memory_bytes} />
          <TextField label="Disk" placeholder="the image's" value={draft.disk} onChange={(event) => set({ disk: event.target.value })} error={errors.disk_bytes} />
        </div>
        <SelectField label="Network" value={draft.network} onChange={(event) => set({ network: event.target.value })} error={errors.network}>
          <option value="">The default network</option>
          {all.map((network) => (
            <option key={network.id} value={network.name}>
              {network.name} · {network.range}
            </option>
          ))}
        </SelectField>
        <TextField
          label="About the template"
          placeholder="what it is for"
          maxLength={1_000}
          value={draft.description}
          onChange={(event) => set({ description: event.target.value })}
          error={errors.description}
        />
      </Advanced>
    </>
  );
}
