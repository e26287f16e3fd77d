import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Plus } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "react-router";
import type { TemplateAction, TemplateVersion } from "@/api/nouns";
import { networks, templates, templateVersions } from "@/api/queries";
import { canOnVersion, generalisedWord, labelOf } from "@/api/template";
import { ChangeVersion, versionVerbs } from "@/forms/ChangeVersion";
import { PublishTemplate } from "@/forms/PublishTemplate";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { bytes, plural } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import type { MenuItem } from "@/ui/Menu";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { State } from "@/ui/State";
import { templateLook } from "@/ui/states";
import { When } from "@/ui/When";

type Act = (version: TemplateVersion, action: TemplateAction) => void;

const actions: TemplateAction[] = ["promote", "deprecate", "withdraw", "delete"];

function Actions({ version, act }: { version: TemplateVersion; act: Act }) {
  const items = (): MenuItem[] =>
    actions.map((action) => {
      const verdict = canOnVersion(version, action);
      return { label: `${versionVerbs[action]}…`, why: verdict.allowed ? undefined : verdict.reason, danger: action === "delete", act: () => act(version, action) };
    });
  return (
    <span className="-my-1 inline-flex align-middle">
      <Menu label={`Actions on ${labelOf(version)}`} icon={<Ellipsis className="size-4" />} items={items} />
    </span>
  );
}

function Defaults({ version }: { version: TemplateVersion }) {
  const network = useQuery(networks()).data?.find((each) => each.id === version.defaults.network_id);
  const { cpus, memory_bytes, disk_bytes } = version.defaults;
  const parts = [cpus && plural(cpus, "CPU"), memory_bytes && `${bytes(memory_bytes)} memory`, disk_bytes && `${bytes(disk_bytes)} disk`, network?.name];
  return <>{parts.filter(Boolean).join(", ") || "–"}</>;
}

const columns = (act: Act): Column<TemplateVersion>[] => [
  { id: "number", title: "Version", width: 110, priority: 0, sort: (version) => version.number, cell: (version) => <span className="font-medium">{labelOf(version)}</span> },
  { id: "state", title: "State", width: 120, priority: 0, sort: (version) => version.state, cell: (version) => <State look={templateLook[version.state]} /> },
  {
    id: "vms",
    title: "VMs",
    width: 60,
    right: true,
    priority: 1,
    sort: (version) => version.vms,
    cell: (version) => (
      <Link to={`/vms?template=${labelOf(version)}`} title={`The VMs made from ${labelOf(version)}`} className="hover:underline">
        {version.vms}
      </Link>
    ),
  },
  { id: "image", title: "Image", width: 150, grow: 1, priority: 2, cell: (version) => (version.image_name ? `${version.image_name} · ${bytes(version.image_virtual_bytes ?? 0)}` : "gone") },
  { id: "defaults", title: "Its VMs get", width: 170, grow: 1, priority: 4, cell: (version) => <Defaults version={version} /> },
  { id: "generalised", title: "Generalised", width: 150, grow: 1, priority: 5, cell: (version) => generalisedWord(version) },
  { id: "source", title: "Disk of", width: 90, priority: 7, cell: (version) => version.source_vm_name ?? "–" },
  { id: "notes", title: "Notes", width: 130, grow: 2, priority: 3, cell: (version) => <span className="text-muted">{version.notes}</span> },
  { id: "by", title: "By", width: 80, priority: 6, cell: (version) => version.published_by },
  { id: "published", title: "Published", width: 100, right: true, priority: 3, sort: (version) => version.published_at, cell: (version) => <When at={version.published_at} /> },
  { id: "actions", title: "", width: 48, right: true, priority: 0, cell: (version) => <Actions version={version} act={act} /> },
];

export function Page() {
  const { template: reference = "" } = useParams();
  const list = useQuery(templates());
  const named = list.data?.filter((each) => each.name === reference || each.id === reference);
  const template = named?.find((each) => each.project_id) ?? named?.[0]; // the project's own comes first
  const versions = useQuery(templateVersions(template?.id ?? ""));
  const [publishing, setPublishing] = useState(false);
  const [asked, setAsked] = useState<{ version: TemplateVersion; action: TemplateAction }>();
  const above = { to: "/templates", label: "Templates" };
  if (!template) {
    return (
      <Frame title={reference} above={above}>
        <div className="px-4">
          {list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : list.data ? <p>There is no template {reference}. It may have been deleted.</p> : <Loading what="the template" />}
        </div>
      </Frame>
    );
  }
  const publish = (
    <Button kind="primary" onClick={() => setPublishing(true)}>
      <Plus className="size-4" aria-hidden /> Publish a version
    </Button>
  );
  return (
    <Frame title={template.name} full above={above} actions={publish}>
      <p className="px-4 pb-2 text-sm text-muted">
        {template.description && `${template.description} · `}
        {template.current ? `VMs are made from ${template.name}:${template.current}` : "No version is current, so VMs are made from one that is named"} ·{" "}
        {template.project_id ? "of this project" : "of every project"}
      </p>
      {versions.error ? (
        <div className="px-4 pb-2">
          <Failure error={versions.error} retry={() => void versions.refetch()} />
        </div>
      ) : null}
      {versions.data ? (
        <Table
          name="Versions"
          rows={versions.data}
          columns={columns((version, action) => setAsked({ version, action }))}
          id={(version) => version.id}
          empty={
            <Empty title="It has no versions" action={publish} command={`novacron template publish ${template.name} --image debian-12`}>
              A version is an image with what goes with it. It does not change once it is published.
            </Empty>
          }
        />
      ) : (
        !versions.error && <Loading what="versions" />
      )}
      {publishing && <PublishTemplate template={template} close={() => setPublishing(false)} />}
      {asked && <ChangeVersion version={asked.version} action={asked.action} close={() => setAsked(undefined)} />}
    </Frame>
  );
}
