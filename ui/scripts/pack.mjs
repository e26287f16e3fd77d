// Puts a compressed form beside each text file of the build; the server gives out the smallest that the browser takes.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const root = process.argv[2] ?? "dist";
const smallest = 1024; // bytes: below, headers weigh more than what is saved

for (const name of readdirSync(root, { recursive: true })) {
  if (!/\.(js|css|svg|html)$/.test(name)) continue;
  const text = readFileSync(join(root, name));
  if (text.length < smallest) continue;
  writeFileSync(join(root, `${name}.br`), brotliCompressSync(text));
  writeFileSync(join(root, `${name}.gz`), gzipSync(text, { level: 9 }));
}
