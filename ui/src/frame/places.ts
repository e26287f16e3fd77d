import {
  Activity,
  Archive,
  ChartLine,
  Database,
  Disc3,
  HardDrive,
  House,
  KeyRound,
  Layers,
  MonitorCog,
  Network,
  Server,
} from "lucide-react";
import type { ComponentType } from "react";

export interface Place {
  to: string;
  label: string;
  key: string; // after "g"
  icon: ComponentType<{ className?: string }>;
}

// places are the pages of the rail, in its order.
export const places: Place[] = [
  { to: "/", label: "Overview", key: "h", icon: House },
  { to: "/vms", label: "VMs", key: "v", icon: MonitorCog },
  { to: "/operations", label: "Operations", key: "o", icon: Activity },
  { to: "/hosts", label: "Hosts", key: "s", icon: Server },
  { to: "/storage", label: "Storage", key: "d", icon: Database },
  { to: "/volumes", label: "Volumes", key: "l", icon: HardDrive },
  { to: "/images", label: "Images", key: "i", icon: Disc3 },
  { to: "/templates", label: "Templates", key: "t", icon: Layers },
  { to: "/networks", label: "Networks", key: "n", icon: Network },
  { to: "/backups", label: "Backups", key: "b", icon: Archive },
  { to: "/capacity", label: "Capacity", key: "c", icon: ChartLine },
  { to: "/access", label: "Access", key: "a", icon: KeyRound },
];
