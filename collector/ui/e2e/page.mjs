//! Checks the page in a real browser against a running collector that holds traces: `node page.mjs BASE_URL [--screenshots DIR]`.

import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";

import { checkAccess } from "./page/access.mjs";
import { checkAlerts } from "./page/alerts.mjs";
import { openBrowser } from "./page/browser.mjs";
import { Checks } from "./page/checks.mjs";
import { checkList } from "./page/list.mjs";
import { checkLive } from "./page/live.mjs";
import { checkNarrow } from "./page/narrow.mjs";
import { checkStates } from "./page/states.mjs";
import { takeScreenshots } from "./page/screenshots.mjs";
import { checkTrace } from "./page/trace.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: "string" } },
});
const [baseUrl] = positionals;
if (baseUrl === undefined || positionals.length !== 1) {
  console.error("usage: node page.mjs BASE_URL [--screenshots DIR]");
  process.exit(2);
}

const base = baseUrl.replace(/\/+$/, "");
const checks = new Checks();
const browser = await openBrowser(base);
try {
  for (const part of [checkList, checkLive, checkTrace, checkStates, checkAlerts, checkNarrow, checkAccess]) {
    await checks.part(part.name, () => part(checks, browser));
  }
  await checks.run("no script failed and nothing was logged as an error", () => browser.assertQuiet());
  await checks.run("nothing broke the content security policy", () => browser.assertPolicyKept());
  if (values.screenshots !== undefined) {
    await mkdir(values.screenshots, { recursive: true });
    await takeScreenshots(browser, values.screenshots);
  }
} finally {
  await browser.close();
}
process.exit(checks.report());
