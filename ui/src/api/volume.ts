import { busy, no, yes } from "./can";
import type { Verdict } from "./can";
import type { Volume, VolumeAction } from "./nouns";

// labelOf is what people call a volume: its own name, or its VM's with the device.
export const labelOf = (volume: Volume): string => volume.name || (volume.vm_name ? `${volume.vm_name}/${volume.device}` : volume.id);

// boots says whether its VM boots from it.
const boots = (volume: Volume): boolean => volume.device === "vda";

// canOnVolume follows Volume.Can in internal/volume, in its order.
export function canOnVolume(volume: Volume, action: VolumeAction): Verdict {
  if (volume.operation_id) return no(busy(volume));
  if (volume.state === "creating") return no("It is being made. Wait until that has ended.");
  if (volume.state === "deleting") return no("It is being deleted.");
  if (action === "detach") return canDetach(volume);
  if (action === "restore") return volume.state === "trashed" ? yes : no("It is not in the trash.");
  if (volume.vm_id && (action === "grow" || action === "move")) return no(`It is a disk of ${volume.vm_name}. Open the VM to ${action} it.`);
  if (volume.vm_id && !volume.name) return no(`It is a disk of ${volume.vm_name} and ends with it.`);
  if (volume.vm_id) return no(`It is attached to ${volume.vm_name}. Detach it first.`);
  if (volume.state === "trashed" && action !== "purge") return no("It is in the trash. Take it back first.");
  return yes;
}

function canDetach(volume: Volume): Verdict {
  if (!volume.vm_id) return no("It is attached to no VM.");
  if (boots(volume)) return no(`${volume.vm_name} boots from it, so it stays with its VM.`);
  return yes;
}
