//! Checks live mode: the real connection, and with an announcement of our own how new traces come in.

import assert from "node:assert/strict";

import { tracesAfter } from "./list.mjs";

const ROWS = ".trace-table tbody tr";
const NEW_ID = "feedfacefeedfacefeedfacefeedface";

/** Following, holding, pausing. */
export async function checkLive(checks, browser) {
  await browser.withPage({}, async (page) => {
    await checks.run("live mode follows the collector and is in the address", async () => {
      await tracesAfter(page, () => page.goto("/"));
      await page.getByRole("button", { name: "Live" }).click();
      await page.getByText("following").waitFor();
      await page.waitForURL(/[?&]live=true/);
      await page.getByRole("button", { name: "Live" }).click();
      await page.waitForURL((url) => !url.searchParams.has("live"));
    });
  });
  await checks.run("rows under the pointer stay, and the badge brings new traces in", () =>
    browser.withPage({}, checkHolding),
  );
  await checks.run("a paused list shows how many are new and lets them in on resume", () =>
    browser.withPage({}, checkPause),
  );
}

async function checkHolding(page) {
  const announce = await holdAnnouncements(page);
  const before = await tracesAfter(page, () => page.goto("/?live=true&limit=20"));
  const rows = page.locator(ROWS);
  await rows.first().waitFor();
  await rows.first().hover();
  await announce(before[0]);
  const badge = page.getByRole("button", { name: "1 new" });
  await badge.waitFor();
  assert.equal(await page.locator(`#trace-${NEW_ID}`).count(), 0, "a row came in under the pointer");
  await badge.click();
  await page.locator(`${ROWS}:first-child #trace-${NEW_ID}`).waitFor();
  assert.equal(await badge.count(), 0);
}

async function checkPause(page) {
  const announce = await holdAnnouncements(page);
  const before = await tracesAfter(page, () => page.goto("/?live=true&limit=20"));
  await page.getByRole("button", { name: "Pause" }).click();
  await announce(before[0]);
  await page.getByRole("button", { name: "1 new" }).waitFor();
  assert.equal(await page.locator(`#trace-${NEW_ID}`).count(), 0, "a row came in while paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator(`#trace-${NEW_ID}`).waitFor();
}

// Answers the page's request for announcements only when the returned function is called.
async function holdAnnouncements(page) {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route("**/api/v1/tail", async (route) => {
    const trace = await released;
    await route.fulfill({ contentType: "text/event-stream", body: `event: trace\ndata: ${JSON.stringify(trace)}\n\n` });
  });
  return async (like) => {
    const start = BigInt(like.start_unix_ns) + 3_600_000_000_000n;
    release({ ...like, trace_id: NEW_ID, start_unix_ns: String(start) });
  };
}
