import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/actions";
import { get } from "@/api/client";
import type { Backup, Page, VM } from "@/api/nouns";
import { disks } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { plural } from "@/ui/format";
import { Failure, Notice } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { notTyped, TypedName } from "./TypedName";

export function DeleteVM({ vm, close }: { vm: VM; close: () => void }) {
  const [typed, setTyped] = useState("");
  const start = useStart();
  const what = ask.deleteVM(vm.id);
  const { data: all = [] } = useQuery(disks(vm));
  const staying = all.filter((disk) => disk.name);
  const { data } = useQuery({
    queryKey: ["backup", "list", { vm: vm.id, limit: 100 }],
    queryFn: ({ signal }) => get<Page<Backup>>("/backups", { vm: vm.id, limit: 100 }, signal),
  });
  const backups = data?.items?.length;
  return (
    <Dialog title={`Delete ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <Notice tone="attention">
          The VM, {plural((vm.volume_ids?.length ?? 0) - staying.length, "disk")} and {vm.interfaces?.[0] ? `its address ${vm.interfaces[0].ip}` : "its addresses"} are
          removed and cannot be brought back
          {backups === undefined ? "." : backups > 0 ? `, except from its ${plural(backups, "backup")}, which ${backups === 1 ? "stays" : "stay"}.` : ": it has no backup."}
          {staying.length > 0 && ` ${plural(staying.length, "volume")} with a name (${staying.map((disk) => disk.name).join(", ")}) ${staying.length === 1 ? "stays" : "stay"}, attached to none.`}
        </Notice>
        {vm.snapshots > 0 && <p className="text-sm">{plural(vm.snapshots, "snapshot")} of its disks {vm.snapshots === 1 ? "goes" : "go"} with them.</p>}
        <TypedName name={vm.name} typed={typed} setTyped={setTyped} />
        <CopyAs ask={what} command={cli.deleteVM(vm.name)} />
        <Failure error={start.error} />
        <StartButtons label="Delete" danger close={close} pending={start.isPending} why={notTyped(vm.name, typed)} />
      </form>
    </Dialog>
  );
}
