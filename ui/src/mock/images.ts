import { Refusal } from "./answers";
import type { Database } from "./database";

export async function addImage(database: Database, request: Request, name: string): Promise<unknown> {
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Refusal(422, `"${name}" is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.`, "name");
  }
  if (database.images.some((image) => image.name === name)) throw new Refusal(409, `There is an image ${name} already; take another name.`, "name");
  const size = (await request.arrayBuffer()).byteLength;
  const image = {
    id: database.mint("img"),
    name,
    format: "qcow2",
    sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    size_bytes: size,
    virtual_bytes: Math.max(size, 2 ** 30),
    vms: 0,
    created_at: database.now(),
  };
  database.images = [...database.images, image];
  database.tell("image.imported", "image", image.id);
  return image;
}
