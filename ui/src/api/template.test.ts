import { expect, it } from "vitest";
import type { TemplateAction, TemplateState, TemplateVersion } from "./nouns";
import { canDeleteTemplate, canOnVersion, generalisedWord, labelOf, makesVMs } from "./template";

const version = (state: TemplateState, rest: Partial<TemplateVersion> = {}): TemplateVersion => ({
  id: "tpv_1", template_id: "tpl_1", template_name: "web", number: 3, state, image_id: "img_1", defaults: {}, generalised: "no", vms: 0,
  published_by: "admin", published_at: "", changed_by: "admin", changed_at: "", ...rest,
});

const states: TemplateState[] = ["published", "current", "deprecated", "withdrawn"];
const allowed = (action: TemplateAction) => states.filter((state) => canOnVersion(version(state), action).allowed);

it("offers what the table of the server allows", () => {
  expect(allowed("promote")).toEqual(["published", "deprecated"]);
  expect(allowed("deprecate")).toEqual(["published", "current"]);
  expect(allowed("withdraw")).toEqual(["published", "current", "deprecated"]);
  expect(allowed("delete")).toEqual(["withdrawn"]);
  expect(states.filter((state) => makesVMs(version(state)))).toEqual(["published", "current", "deprecated"]);
});

it("says why not, and what to do", () => {
  const why = (of: TemplateVersion, action: TemplateAction) => {
    const verdict = canOnVersion(of, action);
    return verdict.allowed ? "" : verdict.reason;
  };
  expect(why(version("current"), "promote")).toBe("It is current already.");
  expect(why(version("current"), "delete")).toMatch(/^Withdraw it first/);
  expect(why(version("withdrawn"), "promote")).toMatch(/new version/);
  expect(why(version("withdrawn", { vms: 2 }), "delete")).toBe("2 VMs made from it are there; it stays as long.");
  expect(canDeleteTemplate({ id: "tpl_1", name: "web", versions: 1, vms: 1, created_at: "" })).toEqual({ allowed: false, reason: "1 VM made from it is there; it stays as long." });
});

it("puts into words what a guest forgot", () => {
  expect(labelOf(version("current"))).toBe("web:3");
  expect(generalisedWord(version("current"))).toBe("no");
  expect(generalisedWord(version("current", { generalised: "agent", forgotten: ["machine_id", "ssh_host_keys"] }))).toBe("by its guest: machine ID, SSH host keys");
  expect(generalisedWord(version("current", { generalised: "agent" }))).toMatch(/nothing to forget/);
});
