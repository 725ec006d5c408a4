// Compresses the bundle once, as small as can be; the server sends what a browser accepts (api/ui.py).
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const WORTH_IT = 1_000; // bytes
const folder = fileURLToPath(new URL("../../hortus_server/static/", import.meta.url));

for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(js|css|svg)$/.test(name)) continue;
  const whole = readFileSync(folder + name);
  if (whole.length < WORTH_IT) continue;
  writeFileSync(`${folder}${name}.gz`, gzipSync(whole, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
  writeFileSync(`${folder}${name}.br`, brotliCompressSync(whole, { params }));
}
