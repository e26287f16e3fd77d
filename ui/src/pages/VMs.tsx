import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import type { VM } from "@/api/nouns";
import { usePages } from "@/api/pages";
import { hosts, templates, vms } from "@/api/queries";
import { BulkDialog } from "@/forms/BulkDialog";
import type { BulkAction } from "@/forms/BulkDialog";
import { CreateVM } from "@/forms/CreateVM";
import { useShortcuts } from "@/frame/keys";
import { FilterBar } from "@/table/FilterBar";
import { useFilters } from "@/table/filters";
import { Table } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { plural } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { vmLook } from "@/ui/states";
import { vmColumns } from "./vm/columns";

const names = ["q", "state", "host", "template"] as const;
const states = Object.entries(vmLook).map(([value, look]) => ({ value, label: look.word }));

export function Page() {
  const { values, set } = useFilters(names);
  const [search, setSearch] = useSearchParams();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<BulkAction>();
  const list = usePages(vms(values));
  const allHosts = useQuery(hosts()).data;
  const allTemplates = useQuery(templates()).data;
  const filtered = Object.keys(values).length > 0;
  const chosen = useMemo(() => list.rows.filter((vm) => selected.has(vm.id)), [list.rows, selected]);
  const create = (on: boolean) =>
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (on) next.set("create", "1");
      else next.delete("create");
      return next;
    });
  useShortcuts({ c: () => create(true) });

  return (
    <Frame
      title="VMs"
      full
      actions={
        <Button kind="primary" onClick={() => create(true)}>
          <Plus className="size-4" aria-hidden /> Create a VM
        </Button>
      }
    >
      {chosen.length > 0 ? (
        <BulkBar chosen={chosen} begin={setBulk} clear={() => setSelected(new Set())} />
      ) : (
        <FilterBar
          values={values}
          set={set}
          search="Search VMs"
          choices={[
            { name: "state", label: "State", options: states },
            { name: "host", label: "Host", options: (allHosts ?? []).map((host) => ({ value: host.name, label: host.name })) },
            { name: "template", label: "Template", options: (allTemplates ?? []).map((template) => ({ value: template.name, label: template.name })) },
          ]}
          count={list.loading ? undefined : list.more ? `first ${plural(list.rows.length, "VM")}` : plural(list.rows.length, "VM")}
        />
      )}
      {list.error ? (
        <div className="px-4 pb-2">
          <Failure error={list.error} retry={list.retry} />
        </div>
      ) : null}
      {list.loading ? (
        <Loading what="VMs" />
      ) : (
        <Table
          name="VMs"
          rows={list.rows}
          columns={vmColumns}
          id={(vm) => vm.id}
          more={list.more}
          selection={{ ids: selected, set: setSelected }}
          empty={
            filtered ? (
              <Empty title="No VM matches" action={<Button onClick={() => setSearch({})}>Remove the filters</Button>}>
                Nothing has this name, state, host and template at the moment.
              </Empty>
            ) : (
              <Empty
                title="There are no VMs yet"
                action={
                  <Button kind="primary" onClick={() => create(true)}>
                    Create a VM
                  </Button>
                }
                command="novacron vm create web-1 --image debian-12 --memory 512MiB"
              >
                A VM is made from an image or a template and runs on one of your hosts. It can move to another one while it runs.
              </Empty>
            )
          }
        />
      )}
      {search.has("create") && <CreateVM close={() => create(false)} />}
      {bulk && (
        <BulkDialog
          vms={chosen}
          action={bulk}
          close={() => setBulk(undefined)}
          done={() => {
            setBulk(undefined);
            setSelected(new Set());
          }}
        />
      )}
    </Frame>
  );
}

const bulkActions: [BulkAction, string][] = [
  ["start", "Start"],
  ["stop", "Stop"],
  ["migrate", "Migrate"],
  ["backup", "Back up"],
  ["delete", "Delete"],
];

function BulkBar({ chosen, begin, clear }: { chosen: VM[]; begin: (action: BulkAction) => void; clear: () => void }) {
  return (
    <div className="flex flex-wrap items-center gap-2 px-4 pb-2" role="toolbar" aria-label="Actions on the selected VMs">
      <span className="text-sm font-medium">{plural(chosen.length, "VM")} selected</span>
      {bulkActions.map(([action, label]) => (
        <Button key={action} onClick={() => begin(action)}>
          {label}…
        </Button>
      ))}
      <Button kind="ghost" onClick={clear}>
        Clear
      </Button>
    </div>
  );
}

