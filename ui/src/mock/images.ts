import type { ImportImage } from "@/api/actions";
import type { Asked } from "./answers";
import { Refusal } from "./answers";
import type { Database } from "./database";
import * as scripts from "./scripts";
import { settle } from "./vms";

function checkName(database: Database, name: string): void {
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Refusal(422, `"${name}" is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.`, "name");
  }
  if (database.images.some((image) => image.name === name)) throw new Refusal(409, `There is an image ${name} already; take another name.`, "name");
}

export async function addImage(database: Database, request: Request, name: string): Promise<unknown> {
  checkName(database, name);
  const size = (await request.arrayBuffer()).byteLength;
  const image = {
    id: database.mint("img"),
    name,
    format: "qcow2",
    source_format: "qcow2",
    sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    size_bytes: size,
    virtual_bytes: Math.max(size, 2 ** 30),
    vms: 0,
    templates: [],
    created_at: database.now(),
  };
  database.images = [...database.images, image];
  database.tell("image.imported", "image", image.id);
  return image;
}

export async function importImage(database: Database, asked: Asked): Promise<unknown> {
  const wanted = (await asked.request.json()) as ImportImage;
  checkName(database, wanted.name);
  if (!/^https?:\/\/[^/]/.test(wanted.url)) throw new Refusal(422, "The URL must begin with http:// or https:// and name a server.", "url");
  if (wanted.sha256 && !/^[0-9a-f]{64}$/i.test(wanted.sha256)) {
    throw new Refusal(422, "sha256 is no SHA-256: give its 64 hexadecimal digits, as sha256sum prints them.", "sha256");
  }
  const id = database.mint("img");
  return settle(database, asked, {
    kind: "import_image",
    subject: { kind: "image", id, name: wanted.name },
    request: wanted,
    script: scripts.importImage(database, id, wanted),
  });
}
