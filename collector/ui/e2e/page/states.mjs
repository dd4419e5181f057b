//! Checks what a healthy collector with traces does not show: nothing there yet, errors, and very large traces.

import assert from "node:assert/strict";

import { incompleteLifecycle, largeLifecycle } from "./answers.mjs";

const UNKNOWN_ID = "0123456789abcdef0123456789abcdef";
const LARGE_ID = "00000000000000000000000000020000";
const ITEMS = "[role=treeitem]";

/** Real refusals of the collector, and answers put in its place. */
export async function checkStates(checks, browser) {
  const run = (name, options, body) => checks.run(name, () => browser.withPage(options, (page) => body(page, browser)));
  await run("an unknown trace says so and offers the list", { expects: /api\/v1\/traces\// }, checkUnknownTrace);
  await run("a malformed id shows the collector's own words", { expects: /api\/v1\/traces\// }, checkMalformedId);
  await run("a refused filter shows the collector's own words", { expects: /api\/v1\/traces/ }, checkRefusedFilter);
  await run("a failure can be tried again", { expects: /api\/v1\/traces/ }, checkRetry);
  await run("an empty store tells how to send a first span, and shows it when it comes", {}, checkEmpty);
  await run("a trace with gaps lists and explains them", {}, checkGaps);
  await run("twenty thousand spans draw only the rows in view", {}, checkLarge);
  await run("every kind of link evidence is drawn in its own way", {}, checkEvidence);
  await run(
    "the header opens a trace by its id and explains a wrong one",
    { expects: /api\/v1\/traces\// },
    checkOpenById,
  );
  await run("dark follows the system, and the choice is kept", { colorScheme: "dark" }, checkTheme);
}

async function checkUnknownTrace(page, browser) {
  const answer = await fetch(`${browser.base}/api/v1/traces/${UNKNOWN_ID}`);
  const { status, detail } = await answer.json();
  assert.equal(status, 404);
  await page.goto(`/trace/${UNKNOWN_ID}`);
  await page.getByText(detail).waitFor();
  await page.getByText("Spans arrive in batches").waitFor();
  await page.getByRole("link", { name: "Show recent traces" }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

async function checkMalformedId(page, browser) {
  const { status, detail } = await (await fetch(`${browser.base}/api/v1/traces/nonsense`)).json();
  assert.equal(status, 400);
  await page.goto("/trace/nonsense");
  await page.getByText(detail).waitFor();
}

async function checkRefusedFilter(page, browser) {
  const { status, detail } = await (await fetch(`${browser.base}/api/v1/traces?since=yesterday`)).json();
  assert.equal(status, 400);
  await page.goto("/?since=yesterday");
  await page.getByText(detail).waitFor();
}

async function checkRetry(page) {
  let isBroken = true;
  const problem = { type: "about:blank", title: "Service Unavailable", status: 503, detail: "the store is busy" };
  await page.route("**/api/v1/traces?*", (route) =>
    isBroken
      ? route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify(problem) })
      : route.continue(),
  );
  await page.goto("/");
  await page.getByRole("alert").getByText("the store is busy").waitFor();
  isBroken = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".trace-table tbody tr").first().waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
}

async function checkEmpty(page) {
  const { summary } = incompleteLifecycle(UNKNOWN_ID);
  let announce;
  const announced = new Promise((resolve) => {
    announce = resolve;
  });
  await page.route("**/api/v1/traces?*", (route) => route.fulfill({ json: { traces: [] } }));
  await page.route("**/api/v1/tail", async (route) => {
    await announced;
    await route.fulfill({
      contentType: "text/event-stream",
      body: `event: trace\ndata: ${JSON.stringify(summary)}\n\n`,
    });
  });
  await page.goto("/");
  await page.getByRole("heading", { name: "No traces yet" }).waitFor();
  await page.getByText("OTEL_EXPORTER_OTLP_ENDPOINT").waitFor();
  announce();
  await page.locator(`#trace-${UNKNOWN_ID}`).waitFor();
}

async function checkGaps(page) {
  const lifecycle = incompleteLifecycle(UNKNOWN_ID);
  await page.route(`**/api/v1/traces/${UNKNOWN_ID}`, (route) => route.fulfill({ json: lifecycle }));
  await page.goto(`/trace/${UNKNOWN_ID}`);
  await page.getByRole("button", { name: "2 gaps" }).click();
  const list = page.getByRole("region", { name: "Gaps" });
  for (const gap of lifecycle.gaps) await list.getByText(gap.detail).waitFor();
  await list.getByRole("button", { name: lifecycle.gaps[0].span_id }).click();
  await page.locator(`#span-${lifecycle.gaps[0].span_id}[aria-selected="true"]`).waitFor();
  await page.waitForURL((url) => url.searchParams.get("gaps") === "shown");
}

async function checkLarge(page) {
  const lifecycle = largeLifecycle(LARGE_ID, 20_000);
  await page.route(`**/api/v1/traces/${LARGE_ID}`, (route) => route.fulfill({ json: lifecycle }));
  await page.goto(`/trace/${LARGE_ID}`);
  await page.locator(ITEMS).first().waitFor();
  const drawn = await page.locator(ITEMS).count();
  assert.ok(drawn > 10 && drawn < 100, `${drawn} rows are in the page`);
  await page.keyboard.press("End");
  await page.locator(`#span-${lifecycle.spans.at(-1).span_id}[aria-selected="true"]`).waitFor();
  assert.ok((await page.locator(ITEMS).count()) < 100);
  await page.keyboard.press("]");
  await page.waitForFunction((selector) => document.querySelectorAll(selector).length === 1, ITEMS);
}

async function checkEvidence(page) {
  const lifecycle = largeLifecycle(LARGE_ID, 20);
  const kinds = ["propagated", "request-id", "token", "sole", "none"];
  const calls = lifecycle.spans.filter((span) => span.kind === "client");
  for (const [index, call] of calls.entries()) call.link = kinds[index % kinds.length];
  await page.route(`**/api/v1/traces/${LARGE_ID}`, (route) => route.fulfill({ json: lifecycle }));
  await page.goto(`/trace/${LARGE_ID}`);
  const styles = { propagated: "solid", "request-id": "dashed", token: "dashed", sole: "dashed", none: "dotted" };
  for (const call of calls.slice(0, kinds.length)) {
    const item = page.locator(`#span-${call.span_id}`);
    assert.equal(await item.locator(".tree-cell .link-mark").innerText(), call.link);
    const border = await item.locator(".bar").evaluate((bar) => getComputedStyle(bar).borderTopStyle);
    assert.equal(border, styles[call.link]);
  }
}

async function checkOpenById(page) {
  await page.goto("/");
  const field = page.getByRole("textbox", { name: "Trace id" });
  await field.fill("12ab");
  await field.press("Enter");
  await page.getByText("A trace id has 32 hexadecimal digits").waitFor();
  await field.fill(` ${UNKNOWN_ID.toUpperCase()} `);
  await field.press("Enter");
  await page.waitForURL((url) => url.pathname === `/trace/${UNKNOWN_ID}`);
}

async function checkTheme(page) {
  await page.goto("/");
  const brightness = () =>
    page.evaluate(() => {
      const [red, green, blue] = getComputedStyle(document.body)
        .backgroundColor.match(/[\d.]+/g)
        .map(Number);
      return (red + green + blue) / 3;
    });
  assert.ok((await brightness()) < 60, "the system's dark is not followed");
  await page.getByRole("button", { name: "Use the light theme" }).click();
  assert.ok((await brightness()) > 200, "the choice does nothing");
  await page.reload();
  await page.getByRole("button", { name: "Use the dark theme" }).waitFor();
  assert.ok((await brightness()) > 200, "the choice was forgotten");
  await page.getByRole("button", { name: "Use the dark theme" }).click();
}
