import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/actions";
import { get } from "@/api/client";
import type { Backup, Page, VM } from "@/api/nouns";
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
  const disks = vm.volume_ids?.length ?? 0;
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
          The VM, {plural(disks, "disk")} and {vm.interfaces?.[0] ? `its address ${vm.interfaces[0].ip}` : "its addresses"} are
          removed and cannot be brought back
          {backups === undefined ? "." : backups > 0 ? `, except from its ${plural(backups, "backup")}, which ${backups === 1 ? "stays" : "stay"}.` : ": it has no backup."}
        </Notice>
        <TypedName name={vm.name} typed={typed} setTyped={setTyped} />
        <CopyAs ask={what} command={cli.deleteVM(vm.name)} />
        <Failure error={start.error} />
        <StartButtons label="Delete" danger close={close} pending={start.isPending} why={notTyped(vm.name, typed)} />
      </form>
    </Dialog>
  );
}
