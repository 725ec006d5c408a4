// The first load: what index.html names, and everything that those modules import statically, as the server sends it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 160;
const folder = fileURLToPath(new URL("../../hortus_server/static/", import.meta.url));
const manifest = JSON.parse(readFileSync(`${folder}.vite/manifest.json`, "utf8"));
const files = new Set(["index.html", "theme.js"]);

function add(key) {
  const entry = manifest[key];
  if (files.has(entry.file)) return;
  files.add(entry.file);
  for (const style of entry.css ?? []) files.add(style);
  for (const imported of entry.imports ?? []) add(imported);
}
for (const name of ["entry", "frame"]) add(Object.keys(manifest).find((key) => manifest[key].name === name));

let total = 0;
for (const file of files) {
  const size = gzipSync(readFileSync(folder + file), { level: 9 }).length;
  total += size;
  process.stdout.write(`${(size / 1000).toFixed(1).padStart(8)} kB  ${file}\n`);
}
process.stdout.write(`${(total / 1000).toFixed(1).padStart(8)} kB  first load, gzipped (limit ${LIMIT_KB} kB)\n`);
if (total > LIMIT_KB * 1000) process.exit(1);
