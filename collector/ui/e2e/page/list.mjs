//! Checks the list of traces against what the API answered to the page itself.

import assert from "node:assert/strict";

const ROWS = ".trace-table tbody tr";

/** Filter, sort, keys and state of the list. */
export async function checkList(checks, browser) {
  await browser.withPage({}, async (page) => {
    await checks.run("the list shows the traces that the API reports, in its order", async () => {
      const traces = await tracesAfter(page, () => page.goto("/"));
      assert.ok(traces.length > 0, "the collector holds no trace: send some before this check");
      await assertRows(page, traces);
    });
    await checks.run("the chart has a mark for each trace", async () => {
      assert.equal(await page.locator(".scatter-frame .mark").count(), await page.locator(ROWS).count());
    });
    await checks.run("a row tells duration, hops, depth, errors, link and completeness", () => checkCells(page));
    await checks.run("sorting by duration puts the slowest first, then the fastest", () => checkSort(page));
    await checks.run("the service filter asks for the service and shows the answer", () => checkService(page, browser));
    await checks.run("errors only shows traces with errors, or says that there are none", () => checkErrors(page));
    await checks.run("the shortest duration filters, and unreadable text is explained", () => checkDuration(page));
    await checks.run("the filter survives a reload", () => checkReload(page));
    await checks.run("j and k move through the rows and the address", () => checkKeys(page));
    await checks.run("going back from a trace keeps the list as it was", () => checkBack(page));
  });
}

/** The traces that the page was answered after an action. */
export async function tracesAfter(page, action) {
  const awaited = page.waitForResponse((response) => new URL(response.url()).pathname === "/api/v1/traces");
  await action();
  const response = await awaited;
  assert.equal(response.status(), 200);
  return (await response.json()).traces;
}

async function assertRows(page, traces) {
  const expected = traces.map((trace) => `trace-${trace.trace_id}`);
  await page.waitForFunction(
    ([selector, count]) => document.querySelectorAll(selector).length === count,
    [ROWS, expected.length],
  );
  assert.deepEqual(await rowIds(page), expected);
}

function rowIds(page) {
  return page.$$eval(`${ROWS} .row-link`, (links) => links.map((link) => link.id));
}

async function checkCells(page) {
  const [trace] = await tracesAfter(page, () => page.goto("/"));
  const cells = await page.locator(ROWS).first().locator("td").allInnerTexts();
  assert.ok(cells[1].includes(trace.root === null ? "no root span" : trace.root.service), cells[1]);
  assert.match(cells[2], /^[\d.]+ (ns|µs|ms|s)/);
  assert.equal(cells[3], trace.hops.toLocaleString("en-US"));
  assert.equal(cells[4], trace.depth.toLocaleString("en-US"));
  assert.equal(cells[5].trim(), trace.errors.toLocaleString("en-US"));
  assert.equal(cells[6].trim(), trace.link ?? "not stated");
  assert.equal(cells[7].trim() === "yes", trace.complete);
}

async function checkSort(page) {
  const traces = await tracesAfter(page, () => page.goto("/"));
  const durations = new Map(traces.map((trace) => [`trace-${trace.trace_id}`, trace.duration_ns]));
  const shown = async () => (await rowIds(page)).map((id) => durations.get(id));
  const header = page.getByRole("button", { name: "Duration" });
  await header.click();
  await page.locator('th[aria-sort="descending"] >> text=Duration').waitFor();
  assert.deepEqual(
    await shown(),
    [...durations.values()].sort((left, right) => right - left),
  );
  await header.click();
  await page.locator('th[aria-sort="ascending"] >> text=Duration').waitFor();
  assert.deepEqual(
    await shown(),
    [...durations.values()].sort((left, right) => left - right),
  );
  await page.waitForURL(/\?sort=duration&order=asc$/);
}

async function checkService(page, browser) {
  const { services } = await browser.ask("/api/v1/services");
  assert.ok(services.length > 0);
  await page.goto("/");
  await page.locator("#filter-service option").nth(services.length).waitFor({ state: "attached" });
  const offered = await page.$$eval("#filter-service option", (options) => options.map((option) => option.value));
  assert.deepEqual(offered, ["", ...services]);
  for (const service of services.slice(-3)) {
    const traces = await tracesAfter(page, () => page.selectOption("#filter-service", service));
    assert.ok(
      traces.every((trace) => trace.services.includes(service)),
      `a trace without ${service}`,
    );
    await assertRows(page, traces);
    await page.waitForURL((url) => url.searchParams.get("service") === service);
  }
}

async function checkErrors(page) {
  await tracesAfter(page, () => page.goto("/"));
  const traces = await tracesAfter(page, () => page.getByLabel("Errors only").check());
  assert.ok(traces.every((trace) => trace.errors > 0));
  if (traces.length === 0) await page.getByText("No trace matches").waitFor();
  else await assertRows(page, traces);
  await page.waitForURL(/[?&]errors=true/);
}

async function checkDuration(page) {
  const all = await tracesAfter(page, () => page.goto("/"));
  const sorted = all.map((trace) => trace.duration_ns).sort((left, right) => left - right);
  const middleMs = Math.floor(sorted[Math.floor(sorted.length / 2)] / 1e6);
  const field = page.locator("#filter-duration");
  const traces = await tracesAfter(page, async () => {
    await field.fill(`${middleMs}ms`);
    await field.press("Enter");
  });
  assert.ok(traces.every((trace) => trace.duration_ns >= middleMs * 1e6));
  await assertRows(page, traces);
  await page.waitForURL((url) => url.searchParams.get("min_duration_ms") === String(middleMs));
  await field.fill("soon");
  await field.press("Enter");
  await page.getByText("Write a number and a unit").waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
}

async function checkReload(page) {
  await tracesAfter(page, () => page.goto("/?min_duration_ms=0.5&since=24h&sort=hops&limit=20"));
  await tracesAfter(page, () => page.reload());
  assert.equal(await page.locator("#filter-duration").inputValue(), "0.5ms");
  assert.equal(await page.locator("#filter-since").inputValue(), "24h");
  assert.equal(await page.locator("#filter-limit").inputValue(), "20");
  await page.locator('th[aria-sort="descending"] >> text=Hops').waitFor();
}

async function checkKeys(page) {
  const traces = await tracesAfter(page, () => page.goto("/?limit=20"));
  await page.locator(ROWS).first().waitFor();
  const focused = () => page.evaluate(() => document.activeElement.id);
  await page.keyboard.press("j");
  assert.equal(await focused(), `trace-${traces[0].trace_id}`);
  await page.waitForURL((url) => url.searchParams.get("selected") === traces[0].trace_id);
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  assert.equal(await focused(), `trace-${traces[0].trace_id}`);
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.searchParams.has("selected"));
  await page.keyboard.press("/");
  assert.equal(await focused(), "filter-operation");
}

async function checkBack(page) {
  const traces = await tracesAfter(page, () => page.goto("/?sort=duration&limit=20"));
  await page.locator(ROWS).first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/trace\/[0-9a-f]{32}$/);
  const opened = new URL(page.url()).pathname.split("/").pop();
  assert.ok(traces.some((trace) => trace.trace_id === opened));
  await page.getByRole("tree").waitFor();
  await page.keyboard.press("u");
  await page.waitForURL((url) => url.pathname === "/" && url.searchParams.get("sort") === "duration");
  await page.waitForFunction((id) => document.activeElement?.id === `trace-${id}`, opened);
}
