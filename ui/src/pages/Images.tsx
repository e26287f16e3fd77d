import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, Trash2, Upload } from "lucide-react";
import { useState } from "react";
import { deleteImage, imageContent, imageFormats } from "@/api/actions";
import type { Image } from "@/api/nouns";
import { images } from "@/api/queries";
import { Confirm } from "@/forms/Confirm";
import { ImportImage } from "@/forms/ImportImage";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { ID } from "@/ui/Copy";
import { Empty } from "@/ui/Empty";
import { bytes, plural } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { When } from "@/ui/When";

// download has the browser save an image's bytes.
function download(image: Image, format: string): void {
  const link = document.createElement("a");
  link.href = imageContent(image.id, format);
  link.download = `${image.name}.${format}`;
  link.click();
}

// whyStays says what needs the image, in the server's order.
function whyStays({ vms, templates }: Image): string | undefined {
  if (vms > 0) return `The disks of ${plural(vms, "VM")} stand on it.`;
  if (templates?.length) return `VMs are made from it by ${templates.join(", ")}. Withdraw that first.`;
  return undefined;
}

const columns = (remove: (image: Image) => void): Column<Image>[] => [
  { id: "name", title: "Name", width: 140, grow: 2, priority: 0, sort: (image) => image.name, cell: (image) => <span className="font-medium">{image.name}</span> },
  { id: "format", title: "Format", width: 80, priority: 4, sort: (image) => image.format, cell: (image) => image.format },
  { id: "source", title: "Came as", width: 80, priority: 5, sort: (image) => image.source_format, cell: (image) => image.source_format },
  { id: "disk", title: "Disk", width: 90, right: true, priority: 1, sort: (image) => image.virtual_bytes, cell: (image) => bytes(image.virtual_bytes) },
  { id: "file", title: "File", width: 90, right: true, priority: 3, sort: (image) => image.size_bytes, cell: (image) => bytes(image.size_bytes) },
  { id: "vms", title: "VMs", width: 60, right: true, priority: 2, sort: (image) => image.vms, cell: (image) => image.vms },
  { id: "templates", title: "Templates", width: 100, grow: 1, priority: 6, cell: (image) => (image.templates ?? []).join(", ") },
  { id: "sha", title: "SHA-256", width: 140, grow: 1, priority: 7, cell: (image) => <span className="font-mono text-xs text-muted" title={image.sha256}>{image.sha256.slice(0, 16)}…</span> },
  { id: "id", title: "ID", width: 130, priority: 6, cell: (image) => <ID id={image.id} /> },
  { id: "created", title: "Imported", width: 100, right: true, priority: 5, sort: (image) => image.created_at, cell: (image) => <When at={image.created_at} /> },
  {
    id: "actions",
    title: "",
    width: 80,
    right: true,
    priority: 0,
    cell: (image) => (
      <span className="-my-1 inline-flex align-middle">
        <Menu
          label={`Download ${image.name}`}
          icon={<Download className="size-3.5" />}
          items={imageFormats.map((format) => ({
            label: format === image.format ? `Download as ${format}, as it is kept` : `Convert to ${format} and download`,
            act: () => download(image, format),
          }))}
        />
        <Button
          kind="ghost"
          square
          aria-label={`Delete ${image.name}`}
          why={whyStays(image)}
          onClick={() => remove(image)}
        >
          <Trash2 className="size-3.5" />
        </Button>
      </span>
    ),
  },
];

export function Page() {
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(images());
  const [importing, setImporting] = useState(false);
  const [removing, setRemoving] = useState<Image>();
  return (
    <Frame
      title="Images"
      full
      actions={
        <Button kind="primary" onClick={() => setImporting(true)}>
          <Upload className="size-4" aria-hidden /> Import an image
        </Button>
      }
    >
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Images"
          rows={data}
          columns={columns(setRemoving)}
          id={(image) => image.id}
          empty={
            <Empty
              title="There are no images yet"
              action={<Button kind="primary" onClick={() => setImporting(true)}>Import an image</Button>}
              command="novacron image import debian-12.qcow2 --name debian-12"
            >
              An image is a disk with an operating system on it: a file of yours or a URL, in any common format. VMs are made from images; the image itself never changes.
            </Empty>
          }
        />
      ) : (
        !error && <Loading what="images" />
      )}
      {importing && <ImportImage close={() => setImporting(false)} />}
      {removing && (
        <Confirm
          title={`Delete ${removing.name}`}
          label="Delete"
          danger
          name={removing.name}
          close={() => setRemoving(undefined)}
          act={async () => {
            await deleteImage(removing.id);
            await client.invalidateQueries({ queryKey: ["image"] });
          }}
        >
          The image ({bytes(removing.size_bytes)}) is removed from the image store. VMs can no longer be made from it.
        </Confirm>
      )}
    </Frame>
  );
}
