//! Fails the build when the first load grows above its budget, or when the index holds anything inline.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

const BUDGET_BYTES = { js: 60 * 1024, css: 12 * 1024 };
const dist = fileURLToPath(new URL("./dist/", import.meta.url));

const index = readFileSync(`${dist}index.html`, "utf8");
const assets = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(js|css))"/g)];
const gzippedBytes = { js: 0, css: 0 };
for (const [, path, kind] of assets) {
  gzippedBytes[kind] += gzipSync(readFileSync(dist + path), { level: 9 }).length;
}

const faults = [];
for (const [kind, budgetBytes] of Object.entries(BUDGET_BYTES)) {
  const sizeBytes = gzippedBytes[kind];
  if (sizeBytes === 0) faults.push(`index.html loads no ${kind}`);
  if (sizeBytes > budgetBytes) faults.push(`first load: ${sizeBytes} B of ${kind}, at most ${budgetBytes} B allowed`);
  console.log(`first load: ${(sizeBytes / 1024).toFixed(1)} of ${budgetBytes / 1024} KiB gzipped ${kind}`);
}
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/.test(index)) {
  faults.push("index.html holds an inline script or style, which the content security policy forbids");
}

for (const fault of faults) console.error(`budget: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
