//! Checks the page of one alert in a real browser: `node alert.mjs BASE_URL ALERT_ID SUSPECT [PICTURE]`.

import assert from "node:assert/strict";
import { resolve } from "node:path";

import { openBrowser } from "./page/browser.mjs";
import { Checks } from "./page/checks.mjs";

const [baseUrl, alertId, suspect, picture] = process.argv.slice(2);
if (suspect === undefined) {
  console.error("usage: node alert.mjs BASE_URL ALERT_ID SUSPECT [PICTURE]");
  process.exit(2);
}

const base = baseUrl.replace(/\/+$/, "");
const checks = new Checks();
const browser = await openBrowser(base);
try {
  await checks.part("alert", () =>
    browser.withPage({ viewport: { width: 960, height: 860 } }, async (page) => {
      await page.goto("/alerts");
      const row = page.locator(`.alert-table a[href="/alerts/${alertId}"]`);
      await checks.run("the list has the alert", () => row.waitFor());
      await row.click();
      const card = page.locator(".alert-card");
      await card.waitFor();
      await checks.run("the first suspect is the harmed service", async () => {
        assert.equal(await card.locator(".alert-suspects li strong").first().textContent(), suspect);
      });
      await checks.run("the chart has the band of the baseline and what really happened", async () => {
        for (const part of [".chart-band", ".chart-share"]) {
          const points = await card.locator(part).getAttribute("points");
          assert.ok(points.split(" ").length > 2, `${part}: ${points}`);
        }
      });
      await checks.run("the critical path is a tree of several parts", async () => {
        assert.ok((await card.locator(".alert-path tr").count()) > 2);
      });
      if (picture !== undefined) await card.screenshot({ path: resolve(picture) });
      await checks.run("an exemplar leads to its trace", async () => {
        await card.locator(".alert-traces a").first().click();
        await page.getByRole("treeitem").first().waitFor();
      });
    }),
  );
  await checks.run("no script failed and nothing was logged as an error", () => browser.assertQuiet());
  await checks.run("nothing broke the content security policy", () => browser.assertPolicyKept());
} finally {
  await browser.close();
}
process.exit(checks.report());
