import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useSearchParams } from "react-router";
import { usePages } from "@/api/pages";
import { pools, volumes } from "@/api/queries";
import { CreateVolume } from "@/forms/CreateVolume";
import { VolumeActions } from "@/forms/VolumeActions";
import { useShortcuts } from "@/frame/keys";
import { FilterBar } from "@/table/FilterBar";
import { useFilters } from "@/table/filters";
import { Table } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { plural } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { volumeLook } from "@/ui/states";
import { volumeColumns } from "./volume/columns";

const names = ["q", "pool", "state"] as const;
const states = Object.entries(volumeLook).map(([value, look]) => ({ value, label: look.word }));

export function Page() {
  const { values, set } = useFilters(names);
  const [search, setSearch] = useSearchParams();
  const list = usePages(volumes(values));
  const allPools = useQuery(pools()).data;
  const filtered = Object.keys(values).length > 0;
  const create = (on: boolean) =>
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (on) next.set("create", "1");
      else next.delete("create");
      return next;
    });
  useShortcuts({ c: () => create(true) });
  const button = (
    <Button kind="primary" onClick={() => create(true)}>
      <Plus className="size-4" aria-hidden /> Create a volume
    </Button>
  );
  return (
    <VolumeActions>
      <Frame title="Volumes" full actions={button}>
        <FilterBar
          values={values}
          set={set}
          search="Search volumes"
          choices={[
            { name: "state", label: "State", options: states },
            { name: "pool", label: "Pool", options: (allPools ?? []).map((pool) => ({ value: pool.name, label: pool.name })) },
          ]}
          count={list.loading ? undefined : list.more ? `first ${plural(list.rows.length, "volume")}` : plural(list.rows.length, "volume")}
        />
        {list.error ? (
          <div className="px-4 pb-2">
            <Failure error={list.error} retry={list.retry} />
          </div>
        ) : null}
        {list.loading ? (
          <Loading what="volumes" />
        ) : (
          <Table
            name="Volumes"
            rows={list.rows}
            columns={volumeColumns}
            id={(volume) => volume.id}
            more={list.more}
            empty={
              filtered ? (
                <Empty title="No volume matches" action={<Button onClick={() => setSearch({})}>Remove the filters</Button>}>
                  Nothing has this name, state and pool at the moment.
                </Empty>
              ) : (
                <Empty title="There are no volumes yet" action={button} command="novacron volume create data-1 --size 10GiB">
                  A volume is a disk with a life of its own: it can be attached to a VM and detached again, and stays when the VM is deleted. The disks of
                  VMs are listed here too.
                </Empty>
              )
            }
          />
        )}
        {search.has("create") && <CreateVolume pool={values.pool} close={() => create(false)} />}
      </Frame>
    </VolumeActions>
  );
}
