import { http } from "msw";
import type { RequestHandler } from "msw";
import type { PublishTemplate, PublishVM } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import { canDeleteTemplate, canOnVersion, labelOf, makesVMs } from "@/api/template";
import { answer, Refusal } from "./answers";
import type { Asked } from "./answers";
import { vmSubject } from "./begin";
import type { Database } from "./database";
import { found, root } from "./handlers";
import { generator } from "./random";
import type { Script } from "./run";
import { step } from "./scripts";
import { allowed, settle } from "./vms";

// templatesOf are all templates with what their versions say of them.
export const templatesOf = (database: Database): Noun.Template[] =>
  database.templates.map((template) => {
    const versions = versionsOf(database, template);
    return { ...template, current: versions.find((each) => each.state === "current")?.number, versions: versions.length, vms: versions.reduce((sum, each) => sum + each.vms, 0) };
  });

// versionsOf are a template's versions with the VMs that were made from them, newest first.
const versionsOf = (database: Database, template: Pick<Noun.Template, "id">): Noun.TemplateVersion[] =>
  database.templateVersions
    .filter((each) => each.template_id === template.id)
    .map((each) => ({ ...each, vms: [...database.vms.values()].filter((vm) => vm.template?.version_id === each.id).length }))
    .sort((a, b) => b.number - a.number);

// imagesOf are all images with the versions that are made of them.
export const imagesOf = (database: Database): Noun.Image[] =>
  database.images.map((image) => ({ ...image, templates: database.templateVersions.filter((each) => each.image_id === image.id && each.state !== "withdrawn").map(labelOf) }));

const templateNamed = (database: Database, reference: string): Noun.Template =>
  found(templatesOf(database).find((each) => each.id === reference || each.name === reference), "template", reference);

// madeFrom says whether a VM was made from a template or a version, as ?template= has it.
export function madeFrom(vm: Noun.VM, reference: string): boolean {
  return vm.template !== undefined && (vm.template.label === reference || vm.template.label.replace(/:.*/, "") === reference);
}

// versionFor is the version that a new VM is made from.
export function versionFor(database: Database, reference: string): Noun.TemplateVersion {
  const [name = "", number] = reference.split(":");
  const template = templatesOf(database).find((each) => each.name === name || each.id === name);
  if (!template) throw new Refusal(422, `There is no template "${name}"; name one of the list of templates.`, "template");
  const wanted = number ? Number(number) : template.current;
  if (!wanted) throw new Refusal(409, `Template ${name} has no current version; promote one, or name one.`, "template");
  const version = versionsOf(database, template).find((each) => each.number === wanted);
  if (!version) throw new Refusal(422, `Template ${name} has no version ${wanted}.`, "template");
  if (!makesVMs(version)) throw new Refusal(409, `Version ${labelOf(version)} is ${version.state}, so no VM can be made from it; take another version.`, "template");
  return version;
}

export function templateHandlers(database: () => Database): RequestHandler[] {
  const versions = `${root}/templates/:template/versions`;
  const version = ({ params }: Asked) => {
    const template = templateNamed(database(), params.template!);
    return found(versionsOf(database(), template).find((each) => String(each.number) === params.number), "version", params.number!);
  };
  return [
    http.get(`${root}/templates`, answer(database, () => ({ items: templatesOf(database()) }))),
    http.get(`${root}/templates/:template`, answer(database, ({ params }) => templateNamed(database(), params.template!))),
    http.get(versions, answer(database, ({ params }) => ({ items: versionsOf(database(), templateNamed(database(), params.template!)) }))),
    http.post(`${root}/templates`, answer(database, (asked) => publishImage(database(), asked))),
    http.post(`${root}/templates/from-vm`, answer(database, (asked) => publishVM(database(), asked))),
    http.delete(`${root}/templates/:template`, answer(database, ({ params }) => remove(database(), templateNamed(database(), params.template!)))),
    ...(["promote", "deprecate", "withdraw"] as const).map((action) => http.post(`${versions}/:number/${action}`, answer(database, (asked) => change(database(), asked, version(asked), action)))),
    http.delete(`${versions}/:number`, answer(database, (asked) => change(database(), asked, version(asked), "delete"))),
  ];
}

function remove(database: Database, template: Noun.Template): undefined {
  const verdict = canDeleteTemplate(template);
  if (!verdict.allowed) throw new Refusal(409, `Template ${template.name}: ${verdict.reason}`);
  database.templates = database.templates.filter((each) => each.id !== template.id);
  database.templateVersions = database.templateVersions.filter((each) => each.template_id !== template.id);
  database.tell("template.deleted", "template", template.id);
}

const becomes = { promote: "current", deprecate: "deprecated", withdraw: "withdrawn" } as const;

function change(database: Database, { query }: Asked, version: Noun.TemplateVersion, action: Noun.TemplateAction): unknown {
  const verdict = canOnVersion(version, action);
  if (!verdict.allowed) throw new Refusal(409, `Version ${labelOf(version)}: ${verdict.reason}`);
  const current = database.templateVersions.find((each) => each.template_id === version.template_id && each.state === "current");
  if (query.get("dry_run")) {
    const notes: string[] = [];
    if (action === "promote" && current) notes.push(`Version ${labelOf(current)} is current now and will be an ordinary one.`);
    if (action !== "promote" && version.state === "current") notes.push("It is the current version: until another one is promoted, whoever makes a VM has to name a version.");
    if (action === "withdraw" && version.vms > 0) notes.push("VMs that were made from it go on as they are.");
    return { kind: `${action}_template_version`, steps: [{ name: action, title: `${action} version ${labelOf(version)}` }], notes };
  }
  if (action === "delete") {
    database.templateVersions = database.templateVersions.filter((each) => each.id !== version.id);
    database.tell("template.version_deleted", "template", version.template_id);
    return undefined;
  }
  if (action === "promote" && current) setState(database, current.id, "published");
  setState(database, version.id, becomes[action]);
  database.tell(`template.${action === "withdraw" ? "withdrawn" : `${action}d`}`, "template", version.template_id);
  return database.templateVersions.find((each) => each.id === version.id);
}

function setState(database: Database, id: string, state: Noun.TemplateState): void {
  database.templateVersions = database.templateVersions.map((each) => (each.id === id ? { ...each, state, changed_at: database.now() } : each));
}

type Wanted = Omit<PublishTemplate, "image" | "generalised">;

// addVersion publishes a version, of a line that it makes if there is none of that name.
export function addVersion(database: Database, wanted: Wanted, image: Noun.Image, rest: Partial<Noun.TemplateVersion> = {}): Noun.TemplateVersion {
  let template = database.templates.find((each) => each.name === wanted.name);
  if (!template) {
    template = { id: database.mint("tpl"), project_id: database.projects[0]!.id, name: wanted.name, description: wanted.description, versions: 0, vms: 0, created_at: database.now() };
    database.templates = [...database.templates, template].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  const number = Math.max(0, ...database.templateVersions.filter((each) => each.template_id === template.id).map((each) => each.number)) + 1;
  const made: Noun.TemplateVersion = {
    id: database.mint("tpv"), template_id: template.id, template_name: template.name, number, state: "published", image_id: image.id, image_name: image.name,
    image_virtual_bytes: image.virtual_bytes, notes: wanted.notes, generalised: "no", vms: 0, published_by: "admin", published_at: database.now(), changed_by: "admin",
    changed_at: database.now(), ...rest,
    defaults: {
      cpus: wanted.cpus, memory_bytes: wanted.memory_bytes, disk_bytes: wanted.disk_bytes, network_id: database.networks.find((each) => each.name === wanted.network)?.id,
    },
  };
  database.templateVersions = [...database.templateVersions, made];
  if (wanted.promote) {
    for (const each of database.templateVersions) if (each.template_id === template.id && each.state === "current") setState(database, each.id, "published");
    setState(database, made.id, "current");
  }
  database.tell("template.published", "template", template.id);
  return database.templateVersions.find((each) => each.id === made.id)!;
}

function checkWanted({ name, disk_bytes }: Wanted, smallest: number): void {
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Refusal(422, `"${name}" is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.`, "name");
  }
  if (disk_bytes && disk_bytes < smallest) {
    throw new Refusal(422, `The image describes a disk of ${smallest} bytes, so VMs made from it need at least that many, not ${disk_bytes}.`, "disk_bytes");
  }
}

async function publishImage(database: Database, { request, query }: Asked): Promise<unknown> {
  const wanted = (await request.json()) as PublishTemplate;
  const image = database.images.find((each) => each.name === wanted.image || each.id === wanted.image);
  if (!image) throw new Refusal(422, `There is no image "${wanted.image}"; name one of the list of images.`, "image");
  checkWanted(wanted, image.virtual_bytes);
  if (query.get("dry_run")) {
    return { kind: "publish_template", steps: [{ name: "publish_template", title: `Publish image ${image.name} as a version of template ${wanted.name}` }] };
  }
  return addVersion(database, wanted, image, { generalised: wanted.generalised ?? "no" });
}

async function publishVM(database: Database, asked: Asked): Promise<unknown> {
  const wanted = (await asked.request.json()) as PublishVM;
  const vm = database.vm(wanted.vm);
  if (!vm) throw new Refusal(422, `There is no VM "${wanted.vm}"; name one of the list of VMs.`, "vm");
  allowed(vm, "publish_template");
  if (vm.state === "running" && wanted.generalised !== "agent") throw new Refusal(409, `VM ${vm.name} is running, and its disk can only be read at rest: stop it, or ask for generalised agent, which switches it off.`, "vm");
  if (vm.state !== "running" && wanted.generalised === "agent") throw new Refusal(409, `VM ${vm.name} is off, so its guest cannot be asked to forget who it is: start it, or leave generalised out.`, "generalised");
  const disk = database.disksOf(vm)[0]!;
  checkWanted(wanted, disk.size_bytes);
  const notes = [`The disk becomes image ${wanted.name}-20260102-030405.`];
  if (wanted.generalised === "agent") notes.push("The guest forgets its machine ID, and its SSH host keys and cloud-init's record where it makes new ones; that is not taken back.");
  if (!wanted.generalised) notes.push("VMs made from it begin with the identity of this one: machine ID, SSH host keys.");
  const start = { kind: "publish_template" as const, subject: vmSubject(vm), request: wanted, script: publication(database, vm, disk, wanted) };
  return settle(database, asked, start, undefined, notes);
}

function publication(database: Database, vm: Noun.VM, disk: Noun.Disk, wanted: PublishVM): Script {
  const host = vm.host_name;
  const forgets = wanted.generalised === "agent";
  const reading = { host, unit: { unit: "bytes" as const, total: disk.size_bytes } };
  let made: Noun.TemplateVersion | undefined;
  return {
    steps: [
      step("read", "Read the VM and the disk that it boots from", 60),
      ...(forgets
        ? [
            step("forget_identity", "Have the guest forget who it is", 700, { host, result: () => ({ what: ["machine_id", "cloud_init"] }) }),
            step("switch_off", "Switch the VM off", 2_000, {
              host, undo: "Start the VM again, whose guest makes itself a new identity", after: () => database.setVM(vm.id, { state: "stopped" }, "vm.stopped"),
            }),
          ]
        : []),
      step("digest", "Read the disk and work out its checksum", 1_500, reading),
      step("keep", "Send the disk to the image store", 2_500, { ...reading, undo: "Remove the image, and its bytes if no other image has them" }),
      step("publish", "Publish the version", 60, {
        noReturn: true,
        after: () => {
          const image: Noun.Image = {
            id: database.mint("img"), name: `${wanted.name}-20260102-030405`, format: "qcow2", source_format: "qcow2", sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            size_bytes: Math.round(disk.size_bytes / 5), virtual_bytes: disk.size_bytes, vms: 0, templates: [], created_at: database.now(),
          };
          database.images = [...database.images, image];
          database.tell("image.imported", "image", image.id);
          made = addVersion(database, wanted, image, {
            generalised: wanted.generalised ?? "no", forgotten: forgets ? ["machine_id", "cloud_init"] : undefined, source_vm_id: vm.id, source_vm_name: vm.name,
          });
        },
      }),
    ],
    result: () => made && { template_id: made.template_id, version_id: made.id, name: made.template_name, number: made.number, state: made.state },
  };
}

// seedTemplates makes a line with a version in each state, whose VMs are some of those that are there.
export function seedTemplates(database: Database): void {
  const others = database.random;
  database.random = generator(13); // of its own, so that what chance does to the others stays as it was
  const [debian, ubuntu] = database.images;
  const web = { name: "web", description: "Web servers as we run them", cpus: 2, memory_bytes: 2 ** 31 };
  const versions = [
    addVersion(database, { ...web, notes: "first" }, debian!, { generalised: "declared" }),
    addVersion(database, { ...web, notes: "with the new proxy" }, debian!, { generalised: "agent", forgotten: ["machine_id", "ssh_host_keys", "cloud_init"], source_vm_name: "golden" }),
    addVersion(database, { ...web, notes: "tuned", promote: true }, debian!, { generalised: "declared" }),
    addVersion(database, { ...web, notes: "on Ubuntu, to be tried", network: "storage" }, ubuntu!),
  ];
  setState(database, versions[0]!.id, "withdrawn");
  setState(database, versions[1]!.id, "deprecated");
  addVersion(database, { name: "worker", description: "Builds and queues" }, ubuntu!);
  for (const [index, vm] of [...database.vms.values()].entries()) {
    const version = versions[index % 5];
    if (!/^(web|api)-|^vm-\d*7$/.test(vm.name) || !version) continue;
    database.vms.set(vm.id, { ...vm, template: { template_id: version.template_id, version_id: version.id, label: labelOf(version) } });
  }
  database.random = others;
}
