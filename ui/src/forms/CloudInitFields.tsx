import type { CreateVM as Request } from "@/api/actions";
import { Advanced, LinesField } from "@/ui/Field";

export interface CloudInitDraft {
  userData: string;
  networkConfig: string;
  sshKeys: string;
}

export const untold: CloudInitDraft = { userData: "", networkConfig: "", sshKeys: "" };

// toCloudInit is what the guest is told, nothing if all is empty. Each line that is no comment is a key.
export function toCloudInit(draft: CloudInitDraft): Request["cloud_init"] {
  const keys = draft.sshKeys.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const told = {
    user_data: draft.userData || undefined,
    network_config: draft.networkConfig || undefined,
    ssh_keys: keys.length > 0 ? keys : undefined,
  };
  return Object.values(told).some(Boolean) ? told : undefined;
}

const below = "cloud_init.";

// isPlaced says whether one of the fields here shows an error.
export const isPlaced = (field: string): boolean => field.startsWith(below);

interface Props {
  draft: CloudInitDraft;
  set: (name: keyof CloudInitDraft) => (event: { target: { value: string } }) => void;
  errors: Record<string, string>;
}

// CloudInitFields say what a new VM's guest is told at its first start.
export function CloudInitFields({ draft, set, errors }: Props) {
  const keys = Object.entries(errors).find(([field]) => field.startsWith(`${below}ssh_keys`))?.[1];
  return (
    <Advanced summary="First start: SSH keys and cloud-init">
      <LinesField
        label="SSH keys"
        placeholder="ssh-ed25519 AAAA… name"
        value={draft.sshKeys}
        onChange={set("sshKeys")}
        error={keys}
        hint="Public keys that may log in as the guest's default user, one a line."
      />
      <LinesField
        label="User data"
        placeholder={"#cloud-config\npackages: [nginx]"}
        value={draft.userData}
        onChange={set("userData")}
        error={errors[`${below}user_data`]}
        hint="#cloud-config, a script that begins with #!, or MIME multipart. It is kept sealed; whoever may change the VM may read it."
      />
      <LinesField
        label="Network configuration"
        placeholder="version: 2"
        value={draft.networkConfig}
        onChange={set("networkConfig")}
        error={errors[`${below}network_config`]}
        hint="Version 1 or 2, in YAML. DHCP if it is empty."
      />
    </Advanced>
  );
}
