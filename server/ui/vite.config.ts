import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = "http://127.0.0.1:8420";

export default defineConfig({
  plugins: [react()],
  // The server's policy allows no data: scripts or styles, so nothing is inlined.
  build: {
    outDir: "../hortus_server/static",
    // `scripts/clean.mjs` empties it, because git keeps a marker file there.
    emptyOutDir: false,
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    port: 5199,
    proxy: { "/v1": { target: api, ws: true, changeOrigin: false }, "/readyz": api, "/healthz": api },
  },
});
