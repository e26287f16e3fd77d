import { plural } from "@/ui/format";
import { no, yes } from "./can";
import type { Verdict } from "./can";
import type { Template, TemplateAction, TemplateState, TemplateVersion } from "./nouns";
import table from "./template-rules.json";

interface Rule {
  state: TemplateState;
  default: boolean; // VMs are made from it where only the line is named
  named: boolean; // and where it is named itself
  may: TemplateAction[];
}

const rules = table as Rule[];
const ruleOf = (state: TemplateState): Rule | undefined => rules.find((rule) => rule.state === state);

const becomes: Record<TemplateAction, TemplateState | undefined> = { promote: "current", deprecate: "deprecated", withdraw: "withdrawn", delete: undefined };

// labelOf is what people call a version, such as web:3.
export const labelOf = (version: Pick<TemplateVersion, "template_name" | "number">): string => `${version.template_name}:${version.number}`;

// canOnVersion follows Version.Can in internal/template, in its order.
export function canOnVersion(version: TemplateVersion, action: TemplateAction): Verdict {
  if (!ruleOf(version.state)?.may.includes(action)) {
    if (version.state === becomes[action]) return no(`It is ${version.state} already.`);
    if (action === "delete") return no("Withdraw it first, so that no VM is made from it any more.");
    return no("It is withdrawn, which is for good. Publish its image as a new version.");
  }
  if (action === "delete" && version.vms > 0) return no(`${plural(version.vms, "VM")} made from it ${version.vms === 1 ? "is" : "are"} there; it stays as long.`);
  return yes;
}

// makesVMs says whether a VM can be made from a version that is named.
export const makesVMs = (version: TemplateVersion): boolean => Boolean(ruleOf(version.state)?.named);

// canDeleteTemplate follows Template.CanDelete.
export const canDeleteTemplate = (template: Template): Verdict =>
  template.vms > 0 ? no(`${plural(template.vms, "VM")} made from it ${template.vms === 1 ? "is" : "are"} there; it stays as long.`) : yes;

const parts: Record<string, string> = { machine_id: "machine ID", ssh_host_keys: "SSH host keys", cloud_init: "cloud-init" };

// generalisedWord says what became of the identity of the machine whose disk it was.
export function generalisedWord({ generalised, forgotten }: TemplateVersion): string {
  if (generalised === "no") return "no";
  if (generalised === "declared") return "declared";
  const what = (forgotten ?? []).map((each) => parts[each] ?? each);
  return what.length > 0 ? `by its guest: ${what.join(", ")}` : "by its guest, which had nothing to forget";
}
