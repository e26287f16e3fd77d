import { ask } from "@/api/actions";
import type { Disk, VM } from "@/api/nouns";
import { cli } from "./commands";
import { GrowDialog } from "./GrowDialog";

// GrowDiskDialog makes a disk larger.
export function GrowDiskDialog({ vm, disk, close }: { vm: VM; disk: Disk; close: () => void }) {
  return (
    <GrowDialog
      title={`Grow disk ${disk.device} of ${vm.name}`}
      has={disk.size_bytes}
      note="The next backup reads the whole disk."
      ask={(to) => ask.growDisk(vm.id, disk.device, to)}
      command={(to) => cli.growDisk(vm.name, disk.device, to)}
      close={close}
    />
  );
}
