import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { restoreVolume, trashVolume } from "@/api/actions";
import type { Volume, VolumeAction } from "@/api/nouns";
import { useSay } from "@/ui/Toasts";
import { exactTime } from "@/ui/When";
import { AttachVolume } from "./AttachVolume";
import { DetachVolume } from "./DetachVolume";
import { GrowVolume } from "./GrowVolume";
import { MoveVolume } from "./MoveVolume";
import { PurgeVolume } from "./PurgeVolume";

type Act = (volume: Volume, action: VolumeAction) => void;

const ActContext = createContext<Act>(() => undefined);

// useVolumeActions is the one way to do something to a volume: the trash, which gives back, asks nothing; the rest opens its
// dialog.
export const useVolumeActions = (): Act => useContext(ActContext);

export function VolumeActions({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<{ volume: Volume; action: VolumeAction }>();
  const { trash, restore } = useTrash();
  const act = useCallback<Act>(
    (volume, action) => {
      if (action === "trash") trash(volume);
      else if (action === "restore") restore(volume);
      else setAsked({ volume, action });
    },
    [trash, restore],
  );
  const close = useCallback(() => setAsked(undefined), []);
  const dialog = useMemo(() => asked && dialogFor(asked.volume, asked.action, close), [asked, close]);
  return (
    <ActContext.Provider value={act}>
      {children}
      {dialog}
    </ActContext.Provider>
  );
}

function useTrash() {
  const say = useSay();
  const client = useQueryClient();
  const refresh = useCallback(() => void client.invalidateQueries({ queryKey: ["volume", "list"] }), [client]);
  const restore = useCallback(
    (volume: Volume) => {
      restoreVolume(volume.id).then(() => {
        say(`${volume.name} is out of the trash.`);
        refresh();
      }, say.failed);
    },
    [say, refresh],
  );
  const trash = useCallback(
    (volume: Volume) => {
      trashVolume(volume.id).then(({ purge_at }) => {
        say(`${volume.name} is in the trash${purge_at ? ` until ${exactTime(purge_at)}` : ""}.`, { label: "Take it back", act: () => restore(volume) });
        refresh();
      }, say.failed);
    },
    [say, refresh, restore],
  );
  return { trash, restore };
}

function dialogFor(volume: Volume, action: VolumeAction, close: () => void): ReactNode {
  switch (action) {
    case "attach":
      return <AttachVolume volume={volume} close={close} />;
    case "detach":
      return <DetachVolume disk={volume} close={close} />;
    case "grow":
      return <GrowVolume volume={volume} close={close} />;
    case "move":
      return <MoveVolume volume={volume} close={close} />;
    case "purge":
      return <PurgeVolume volume={volume} close={close} />;
    default:
      return null;
  }
}
