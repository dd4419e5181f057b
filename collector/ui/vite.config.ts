//! Builds the page into `dist/`: one index and content-hashed assets, nothing inline.

import { defineConfig } from "vitest/config";

// Browsers that know `light-dark()`; for older ones the style sheet would double in size.
const CSS_TARGET = ["chrome123", "edge123", "firefox121", "safari17.5"];

export default defineConfig({
  base: "/",
  plugins: [
    {
      // Holds the first paint until the script has set the stored theme, so that a dark page never flashes white.
      name: "script-blocks-render",
      transformIndexHtml: {
        order: "post",
        handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
      },
    },
  ],
  build: {
    target: "es2022",
    cssTarget: CSS_TARGET,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    license: { fileName: "licenses.md" },
  },
  server: {
    proxy: { "/api": "http://127.0.0.1:16686" },
  },
  test: {
    include: ["src/**/*.test.ts"],
  },
});
