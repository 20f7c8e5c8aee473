// Builds the pages into ../assets, which `opennmc plugin pack` puts into the package.
// The host's Content-Security-Policy permits files of its own only: nothing may be inlined.
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    outDir: "../assets",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/api": "http://127.0.0.1:8099" } },
});
