//! Checks that the pages of alerts tell who is not told of them, until when and why.

import assert from "node:assert/strict";

import { silencedAlert, silences } from "./answers.mjs";

/** The id of the alert that is put there. */
export const ALERT_ID = "0123456789abcdef";

/** Silenced, not silenced, and silenced by what has just ended. */
export async function checkAlerts(checks, browser) {
  const run = (name, answers, body) =>
    checks.run(name, () =>
      browser.withPage({}, async (page) => {
        await answerAlerts(page, answers);
        await body(page);
      }),
    );
  await run("a silenced alert says until when, by which silence and why", {}, checkSilenced);
  await run("an alert that is not silenced says nothing of silences", { is_silenced: false }, checkLoud);
  await run("an alert whose silence has ended since says so", { silences: [] }, checkEnded);
}

/** Puts one alert, and some silences, in place of what the collector has. */
export async function answerAlerts(page, answers) {
  const alert = { ...silencedAlert(ALERT_ID), is_silenced: answers.is_silenced ?? true };
  const held = answers.silences ?? silences(untilUnixS());
  await page.route("**/api/v1/alerts", (route) => route.fulfill({ json: { alerts: [alert] } }));
  await page.route(`**/api/v1/alerts/${ALERT_ID}`, (route) => route.fulfill({ json: alert }));
  await page.route("**/api/v1/silences", (route) => route.fulfill({ json: { silences: held } }));
}

// Nine in the evening of the reader's tomorrow, so that the date is shown whenever this runs.
function untilUnixS() {
  const day = new Date();
  day.setDate(day.getDate() + 1);
  day.setHours(21, 0, 0, 0);
  return day.getTime() / 1000;
}

async function checkSilenced(page) {
  await page.goto("/alerts");
  const row = page.locator(".alert-table tbody tr");
  await row.getByText(/silenced until \d{4}-\d\d-\d\d 21:00/).waitFor();
  await row.locator("a").click();
  const note = page.locator(".silence-note");
  await note.getByText(/Silenced until \d{4}-\d\d-\d\d 21:00/).waitFor();
  const [first, second, ...others] = await note.locator("li").allInnerTexts();
  assert.match(first, /payment moves to the new cluster.* for suspect payment, until .* 21:00, silence \w{16}/);
  assert.match(second, /without a comment for service checkout, until .* 20:50/);
  assert.deepEqual(others, []);
}

async function checkLoud(page) {
  await page.goto("/alerts");
  await page.locator(".alert-table tbody tr").getByText("firing").waitFor();
  assert.equal(await page.getByText(/silenced/i).count(), 0);
  await page.locator(".alert-table a").click();
  await page.locator(".alert-card").waitFor();
  assert.equal(await page.getByText(/silenced/i).count(), 0);
}

async function checkEnded(page) {
  await page.goto("/alerts");
  await page.locator(".alert-table tbody tr").getByText("silenced").waitFor();
  await page.locator(".alert-table a").click();
  await page.locator(".silence-note").getByText("has ended since").waitFor();
}
