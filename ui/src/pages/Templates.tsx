import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { deleteTemplate } from "@/api/actions";
import type { Template } from "@/api/nouns";
import { templates } from "@/api/queries";
import { canDeleteTemplate } from "@/api/template";
import { Confirm } from "@/forms/Confirm";
import { PublishTemplate } from "@/forms/PublishTemplate";
import { useShortcuts } from "@/frame/keys";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { plural } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { When } from "@/ui/When";

const columns = (remove: (template: Template) => void): Column<Template>[] => [
  {
    id: "name",
    title: "Template",
    width: 150,
    grow: 1,
    priority: 0,
    sort: (template) => template.name,
    cell: (template) => (
      <Link to={`/templates/${template.name}`} className="font-medium hover:underline">
        {template.name}
      </Link>
    ),
  },
  { id: "current", title: "Current", width: 110, priority: 0, sort: (template) => template.current ?? 0, cell: (template) => (template.current ? `${template.name}:${template.current}` : "none") },
  { id: "versions", title: "Versions", width: 80, right: true, priority: 2, sort: (template) => template.versions, cell: (template) => template.versions },
  {
    id: "vms",
    title: "VMs",
    width: 70,
    right: true,
    priority: 1,
    sort: (template) => template.vms,
    cell: (template) => (
      <Link to={`/vms?template=${template.name}`} title={`The VMs made from ${template.name}`} className="hover:underline">
        {template.vms}
      </Link>
    ),
  },
  { id: "of", title: "For", width: 110, priority: 4, cell: (template) => (template.project_id ? "this project" : "every project") },
  { id: "description", title: "About", width: 160, grow: 2, priority: 3, cell: (template) => <span className="text-muted">{template.description}</span> },
  { id: "created", title: "Created", width: 100, right: true, priority: 5, sort: (template) => template.created_at, cell: (template) => <When at={template.created_at} /> },
  {
    id: "actions",
    title: "",
    width: 48,
    right: true,
    priority: 0,
    cell: (template) => {
      const verdict = canDeleteTemplate(template);
      return (
        <span className="-my-1 inline-flex align-middle">
          <Button kind="ghost" square aria-label={`Delete ${template.name}`} why={verdict.allowed ? undefined : verdict.reason} onClick={() => remove(template)}>
            <Trash2 className="size-3.5" />
          </Button>
        </span>
      );
    },
  },
];

export function Page() {
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(templates());
  const [publishing, setPublishing] = useState(false);
  const [removing, setRemoving] = useState<Template>();
  useShortcuts({ c: () => setPublishing(true) });
  const publish = (
    <Button kind="primary" onClick={() => setPublishing(true)}>
      <Plus className="size-4" aria-hidden /> Publish a template
    </Button>
  );
  return (
    <Frame title="Templates" full actions={publish}>
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Templates"
          rows={data}
          columns={columns(setRemoving)}
          id={(template) => template.id}
          empty={
            <Empty title="There are no templates yet" action={publish} command="novacron template publish web --image debian-12 --promote">
              A template is a line of versions to make VMs from: an image, or the disk of a VM, with CPUs, memory and a network to go with it. VMs know the
              version that they were made from.
            </Empty>
          }
        />
      ) : (
        !error && <Loading what="templates" />
      )}
      {publishing && <PublishTemplate close={() => setPublishing(false)} />}
      {removing && (
        <Confirm
          title={`Delete ${removing.name}`}
          label="Delete"
          danger
          name={removing.name}
          close={() => setRemoving(undefined)}
          act={async () => {
            await deleteTemplate(removing.id);
            await client.invalidateQueries({ queryKey: ["template"] });
          }}
        >
          The template is forgotten with {plural(removing.versions, "version")}. The images stay.
        </Confirm>
      )}
    </Frame>
  );
}
