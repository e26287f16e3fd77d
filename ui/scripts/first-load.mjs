// Adds up what the first page loads (index.html's scripts and styles, and what they import at once), compressed, and
// fails above the limit. Charts and the console must not be in it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const limit = 250 * 1024;
const root = process.argv[2] ?? "dist";
const seen = new Set();
let total = 0;

function add(file) {
  if (seen.has(file)) return;
  seen.add(file);
  const text = readFileSync(join(root, file), "utf8");
  total += gzipSync(text).length;
  if (!file.endsWith(".js")) return;
  for (const [, name] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) add(`assets/${name}`);
}

const index = readFileSync(join(root, "index.html"), "utf8");
for (const [, file] of index.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)) add(file);
// The overview is the page that most people begin with.
const overview = [...readFileSync(join(root, [...seen].find((file) => /index-.*\.js$/.test(file))), "utf8").matchAll(/assets\/((?:Overview|VMs)-[^"]+\.js)/g)];
for (const [, name] of overview) add(`assets/${name}`);

const kilobytes = (total / 1024).toFixed(1);
const heavy = [...seen].filter((file) => /TimeChart|Screen/.test(file));
if (total > limit || heavy.length > 0) {
  console.error(`first load: ${kilobytes} kB gzip in ${seen.size} files; at most ${limit / 1024} kB, without ${heavy.join(", ") || "charts"}`);
  process.exit(1);
}
console.log(`first load: ${kilobytes} kB gzip in ${seen.size} files (at most ${limit / 1024})`);
