// Makes src/api/schema.gen.ts from openapi.json; with --check it only compares.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const kept = join(root, "src/api/schema.gen.ts");

function make(output) {
  const options = ["--root-types", "--root-types-no-schema-prefix"];
  const command = join(root, "node_modules/.bin/openapi-typescript");
  execFileSync(command, ["openapi.json", "--output", output, ...options], { cwd: root, stdio: "ignore" });
}

if (process.argv.includes("--check")) {
  const folder = mkdtempSync(join(tmpdir(), "hortus-types-"));
  try {
    make(join(folder, "schema.gen.ts"));
    if (readFileSync(join(folder, "schema.gen.ts"), "utf8") !== readFileSync(kept, "utf8")) {
      process.stderr.write("src/api/schema.gen.ts is not what openapi.json gives; run `npm run types`\n");
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  make(kept);
}
