import { ask } from "@/api/actions";
import type { Volume } from "@/api/nouns";
import { labelOf } from "@/api/volume";
import { cli } from "./commands";
import { GrowDialog } from "./GrowDialog";

// GrowVolume makes a volume larger that no VM has.
export function GrowVolume({ volume, close }: { volume: Volume; close: () => void }) {
  const name = labelOf(volume);
  return (
    <GrowDialog
      title={`Grow ${name}`}
      has={volume.size_bytes}
      ask={(to) => ask.growVolume(volume.id, to)}
      command={(to) => cli.growVolume(name, to)}
      close={close}
    />
  );
}
