import { Ellipsis, Play, Square } from "lucide-react";
import { useNavigate } from "react-router";
import { can, verbOf } from "@/api/can";
import type { VM, VMAction } from "@/api/nouns";
import { useTransitions } from "@/forms/transitions";
import { useVMActions } from "@/forms/VMActions";
import { Button } from "@/ui/Button";
import { Menu } from "@/ui/Menu";
import type { MenuItems } from "@/ui/Menu";

const inMenu: (VMAction | "line")[] = ["console", "restart", "pause", "resume", "line", "migrate", "migrate_cold", "take_snapshot", "backup", "clone_vm", "publish_template", "line", "delete"];

// useActionItems makes a VM's actions for a menu, each allowed exactly when the served table says so.
export function useActionItems(vm: VM, wanted: (VMAction | "line")[]): () => MenuItems {
  const table = useTransitions();
  const navigate = useNavigate();
  const act = useVMActions();
  const items = () => wanted.map((action) => {
    if (action === "line") return action;
    const verdict = can(table, vm, action);
    return {
      label: verbOf[action],
      why: verdict.allowed ? undefined : verdict.reason,
      danger: action === "delete",
      act: () => (action === "console" ? void navigate(`/vms/${vm.name}/console`) : act(vm, action)),
    };
  });
  return items;
}

export function RowActions({ vm }: { vm: VM }) {
  const table = useTransitions();
  const act = useVMActions();
  const items = useActionItems(vm, inMenu);
  const on = vm.state === "running" || vm.state === "paused";
  const power: VMAction = on ? "stop" : "start";
  const verdict = can(table, vm, power);
  return (
    <span className="-my-1 inline-flex align-middle">
      <Button
        kind="ghost"
        square
        aria-label={`${verbOf[power]} ${vm.name}`}
        why={verdict.allowed ? undefined : `${verbOf[power]}: ${verdict.reason}`}
        onClick={() => act(vm, power)}
      >
        {on ? <Square className="size-3.5" /> : <Play className="size-3.5" />}
      </Button>
      <Menu label={`Actions on ${vm.name}`} icon={<Ellipsis className="size-4" />} items={items} />
    </span>
  );
}
