import { Ellipsis } from "lucide-react";
import { useNavigate } from "react-router";
import type { Volume, VolumeAction } from "@/api/nouns";
import { canOnVolume, labelOf } from "@/api/volume";
import { useVolumeActions } from "@/forms/VolumeActions";
import { Menu } from "@/ui/Menu";
import type { MenuItem, MenuItems } from "@/ui/Menu";

const verbs: Record<VolumeAction, string> = {
  attach: "Attach to a VM…",
  detach: "Detach…",
  grow: "Grow…",
  move: "Move to another pool…",
  trash: "Move to the trash",
  restore: "Take back",
  purge: "Delete for good…",
};

export function RowActions({ volume }: { volume: Volume }) {
  const act = useVolumeActions();
  const navigate = useNavigate();
  const item = (action: VolumeAction): MenuItem => {
    const verdict = canOnVolume(volume, action);
    return { label: verbs[action], why: verdict.allowed ? undefined : verdict.reason, danger: action === "purge", act: () => act(volume, action) };
  };
  const items = (): MenuItems => [
    ...(volume.operation_id ? [{ label: "Watch the operation", act: () => void navigate(`/operations/${volume.operation_id}`) }, "line" as const] : []),
    item("attach"),
    item("detach"),
    item("grow"),
    item("move"),
    "line",
    item(volume.state === "trashed" ? "restore" : "trash"),
    item("purge"),
  ];
  return (
    <span className="-my-1 inline-flex align-middle">
      <Menu label={`Actions on ${labelOf(volume)}`} icon={<Ellipsis className="size-4" />} items={items} />
    </span>
  );
}
