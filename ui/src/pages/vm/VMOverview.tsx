import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { changeVM } from "@/api/actions";
import type { VM } from "@/api/nouns";
import { images, networks, operation as oneOperation } from "@/api/queries";
import { VMCharts } from "@/charts/VMCharts";
import { errorsOf, unplaced } from "@/forms/start";
import { StartButtons } from "@/forms/StartButtons";
import { OperationLine } from "@/pages/OperationLine";
import { Button } from "@/ui/Button";
import { ID } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { bytes } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Facts, Section } from "@/ui/Page";
import { When } from "@/ui/When";
import { ShowCloudInit } from "./ShowCloudInit";
import { useVM } from "./VM";
import { VMDisks } from "./VMDisks";

export function Page() {
  const vm = useVM();
  const [editing, setEditing] = useState(false);
  const [showing, setShowing] = useState(false);
  const image = useQuery(images()).data?.find((each) => each.id === vm.image_id);
  const allNetworks = useQuery(networks()).data;
  const current = useQuery(oneOperation(vm.operation_id ?? "")).data;
  const nic = vm.interfaces?.[0];
  return (
    <div className="grid gap-6 p-4 xl:grid-cols-[20rem_minmax(0,1fr)]">
      <div className="space-y-6">
        {vm.operation_id && current && (
          <Section title="Being done now">
            <div className="rounded border border-line p-3">
              <OperationLine operation={current} />
            </div>
          </Section>
        )}
        <Section
          title="About"
          actions={
            <Button kind="ghost" square aria-label="Change name and description" onClick={() => setEditing(true)}>
              <Pencil className="size-3.5" />
            </Button>
          }
        >
          <Facts
            rows={[
              ["ID", <ID key="id" id={vm.id} />],
              ["Description", vm.description || "–"],
              ["Host", vm.host_name ? <Link key="host" to={`/hosts/${vm.host_name}`} className="text-accent hover:underline">{vm.host_name}</Link> : "–"],
              ["CPUs", vm.spec.cpus],
              ["Memory", bytes(vm.spec.memory_bytes)],
              ["Image", image?.name ?? (vm.image_id ? <ID key="image" id={vm.image_id} /> : "none: its disk is whole")],
              ["Template", vm.template ? <Link key="template" to={`/templates/${vm.template.template_id}`} className="text-accent hover:underline">{vm.template.label}</Link> : "–"],
              ["First start", vm.cloud_init_id ? <button key="told" type="button" className="text-accent hover:underline" onClick={() => setShowing(true)}>What it is told</button> : "–"],
              ["Network", allNetworks?.find((each) => each.id === nic?.network_id)?.name ?? "–"],
              ["IP", nic?.ip ?? "–"],
              ["MAC", nic ? <span key="mac" className="font-mono text-xs">{nic.mac}</span> : "–"],
              ["Created", <When key="created" at={vm.created_at} />],
            ]}
          />
        </Section>
        <VMDisks vm={vm} />
      </div>
      <VMCharts vm={vm} />
      {showing && <ShowCloudInit vm={vm} close={() => setShowing(false)} />}
      {editing && <EditVM vm={vm} close={() => setEditing(false)} />}
    </div>
  );
}

function EditVM({ vm, close }: { vm: VM; close: () => void }) {
  const client = useQueryClient();
  const [base] = useState(vm); // what was read when the form opened: a change meanwhile is refused, not overwritten
  const [name, setName] = useState(vm.name);
  const [description, setDescription] = useState(vm.description ?? "");
  const save = useMutation({
    mutationFn: () => changeVM(base, { name: name === base.name ? undefined : name, description }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["vm"] });
      close();
      if (name !== base.name) window.history.replaceState(null, "", `/vms/${name}`);
    },
  });
  const errors = errorsOf(save.error);
  return (
    <Dialog title={`Change ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField label="Name" value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
        <TextField label="Description" value={description} onChange={(event) => setDescription(event.target.value)} error={errors.description} />
        <Failure error={unplaced(save.error, ["name", "description"])} />
        <StartButtons label="Save" close={close} pending={save.isPending} />
      </form>
    </Dialog>
  );
}
