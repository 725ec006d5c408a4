// Empties the build's folder except for the marker that git keeps.
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../hortus_server/static/", import.meta.url));
for (const name of readdirSync(folder)) {
  if (name !== ".gitkeep") rmSync(folder + name, { recursive: true });
}
