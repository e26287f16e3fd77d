import { BackupsTable } from "./BackupsTable";
import { useFilters } from "@/table/filters";
import { FilterBar } from "@/table/FilterBar";
import { LinkButton } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { Page as Frame, Tabs } from "@/ui/Page";

export const backupTabs = [
  { to: "/backups", label: "Backups" },
  { to: "/backups/schedules", label: "Schedules" },
];

export const belowTabs = "flex min-h-0 flex-1 flex-col [&>div]:border-t-0"; // the tabs have a line already

const names = ["vm"] as const;

export function Page() {
  const { values, set } = useFilters(names);
  return (
    <Frame title="Backups" full>
      <Tabs tabs={backupTabs} />
      {values.vm && <div className="h-2" />}
      {values.vm && <FilterBar values={values} set={set} choices={[{ name: "vm", label: "VM", options: [] }]} />}
      <div className={belowTabs}>
        <BackupsTable
          vm={values.vm}
          empty={
            <Empty title="There are no backups yet" action={<LinkButton to="/vms">Choose a VM</LinkButton>} command="novacron backup create web-1">
              A backup is a point in time of a VM. It can be restored as a new VM or in place, on any host, even when the VM is gone.
            </Empty>
          }
        />
      </div>
    </Frame>
  );
}
