//! Checks accessibility with axe, in light and dark, on every kind of page.

import assert from "node:assert/strict";

import axe from "axe-core";

import { ALERT_ID, answerAlerts } from "./alerts.mjs";
import { incompleteLifecycle } from "./answers.mjs";

const GAP_ID = "0123456789abcdef0123456789abcdef";

/** No violation anywhere. */
export async function checkAccess(checks, browser) {
  const { traces } = await browser.ask("/api/v1/traces?limit=200");
  const [trace] = traces.toSorted((left, right) => right.spans - left.spans);
  assert.ok(trace, "the collector holds no trace");
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, visit] of Object.entries(visits(trace))) {
      await checks.run(`axe finds nothing on ${name}, ${colorScheme}`, () =>
        browser.withPage({ colorScheme, expects: /api\/v1\/traces/ }, async (page) => {
          await visit(page);
          await assertAccessible(page, colorScheme);
        }),
      );
    }
  }
}

function visits(trace) {
  return {
    "the list": async (page) => {
      await page.goto("/?live=true");
      await page.locator(".trace-table tbody tr").first().waitFor();
      await page.keyboard.press("j");
    },
    "the waterfall": async (page) => {
      await page.goto(`/trace/${trace.trace_id}`);
      await page.getByRole("treeitem").first().waitFor();
      await page.keyboard.press("j");
    },
    "a waterfall with details and search": async (page) => {
      await page.goto(`/trace/${trace.trace_id}?q=get`);
      await page.getByRole("treeitem").first().waitFor();
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await page.getByText("Raw JSON").click();
    },
    "a trace with gaps": async (page) => {
      await page.route(`**/api/v1/traces/${GAP_ID}`, (route) => route.fulfill({ json: incompleteLifecycle(GAP_ID) }));
      await page.goto(`/trace/${GAP_ID}?gaps=shown`);
      await page.getByRole("region", { name: "Gaps" }).waitFor();
    },
    "the empty list": async (page) => {
      await page.route("**/api/v1/traces?*", (route) => route.fulfill({ json: { traces: [] } }));
      await page.goto("/");
      await page.getByRole("heading", { name: "No traces yet" }).waitFor();
    },
    "the list of alerts": async (page) => {
      await answerAlerts(page, {});
      await page.goto("/alerts");
      await page.locator(".alert-table tbody tr").first().waitFor();
    },
    "an alert": async (page) => {
      await answerAlerts(page, {});
      await page.goto(`/alerts/${ALERT_ID}`);
      await page.locator(".evidence-chart").waitFor();
    },
    "an error": async (page) => {
      await page.goto("/trace/nonsense");
      await page.getByRole("alert").waitFor();
    },
    "the help": async (page) => {
      await page.goto("/");
      await page.getByRole("button", { name: "Keyboard help" }).click();
      await page.getByRole("dialog").waitFor();
    },
  };
}

async function assertAccessible(page, colorScheme) {
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
  // Evaluated by the debugger, which the page's content security policy does not bind.
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.ok(passes.length > 0, "axe ran no rule");
  assert.deepEqual(
    violations.map((violation) => ({
      rule: violation.id,
      help: violation.help,
      places: violation.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
    })),
    [],
  );
}
