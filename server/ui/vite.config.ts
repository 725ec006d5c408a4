import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, type Rollup } from "vite";

const ENTRY = /\/src\/(main|early|places)\.ts$|vite\/preload-helper/;
const api = "http://127.0.0.1:8420";

/** Two files for the first load: the entry, which asks for everything, and what the frame needs before a page shows. */
function chunkOf(id: string, { getModuleIds, getModuleInfo }: Rollup.ManualChunkMeta): string | undefined {
  if (ENTRY.test(id)) return "entry";
  const found = new Set<string>();
  const left = [...getModuleIds()].filter((each) => each.endsWith("/src/root.tsx"));
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (found.has(next) || ENTRY.test(next)) continue;
    found.add(next);
    left.push(...(getModuleInfo(next)?.importedIds ?? []));
  }
  return found.has(id) ? "frame" : undefined;
}

/** The frame's code is named in the page, so that it comes beside the entry instead of after it. */
const nameFrame: Plugin = {
  name: "hortus-name-frame",
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle = {} }) {
      const frames = Object.values(bundle).filter((chunk) => chunk.name === "frame");
      return frames.map(({ fileName }) => ({
        tag: "link",
        attrs: { rel: "modulepreload", crossorigin: true, href: `/${fileName}` },
        injectTo: "head",
      }));
    },
  },
};

export default defineConfig({
  plugins: [react(), nameFrame],
  // The server's policy allows no data: scripts or styles, so nothing is inlined.
  build: {
    outDir: "../hortus_server/static",
    // `scripts/clean.mjs` empties it, because git keeps a marker file there.
    emptyOutDir: false,
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: { output: { manualChunks: chunkOf } },
  },
  server: {
    port: 5199,
    proxy: { "/v1": { target: api, ws: true, changeOrigin: false }, "/readyz": api, "/healthz": api },
  },
});
