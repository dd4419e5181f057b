//! Checks the page of one trace against the lifecycle that the API reports.

import assert from "node:assert/strict";

import { tracesAfter } from "./list.mjs";

const ITEMS = "[role=treeitem]";

/** Waterfall, keys, details, search, zoom and address. */
export async function checkTrace(checks, browser) {
  const lifecycle = await chooseTrace(browser);
  await browser.withPage({}, async (page) => {
    const open = async (query = "") => {
      await page.goto(`/trace/${lifecycle.summary.trace_id}${query}`);
      await page.locator(ITEMS).first().waitFor();
    };
    const run = (name, body) => checks.run(name, () => body(page, lifecycle, open));
    await run("a click in the list opens the waterfall of that trace", checkOpening);
    await run("the rows equal the spans of the API in order and level", checkRows);
    await run("the head tells the summary", checkHead);
    await run("each call tells its link evidence, each failure its icon", checkSigns);
    await run("keys move the selection and the address", checkSelection);
    await run("Enter opens the details with ids, attributes, resource and raw JSON", checkDetail);
    await run("brackets fold and unfold everything, arrows one span", checkFolding);
    await run("search counts the spans it finds and goes from one to the next", checkSearch);
    await run("dragging over the minimap zooms, and 0 shows the whole again", checkZoom);
    await run("the divider moves by keys and stays where it was put", checkDivider);
    await run("a link to a span shows it selected, open and in view", checkDeepLink);
    await run("y copies the link, ? shows the keys", checkCopyAndHelp);
  });
}

// The complete trace with most spans that still fits a quick walk through all its rows; the oldest, so that it is at rest.
async function chooseTrace(browser) {
  const { traces } = await browser.ask("/api/v1/traces?limit=200");
  const fitting = traces.filter((trace) => trace.spans >= 3 && trace.spans <= 2000);
  fitting.reverse().sort((left, right) => right.complete - left.complete || right.spans - left.spans);
  assert.ok(fitting.length > 0, "the collector holds no trace of at least three spans");
  return browser.ask(`/api/v1/traces/${fitting[0].trace_id}`);
}

async function checkOpening(page) {
  const traces = await tracesAfter(page, () => page.goto("/"));
  const row = page.locator(".trace-table tbody tr").nth(Math.min(1, traces.length - 1));
  const href = await row.locator(".row-link").getAttribute("href");
  // The link covers its row, which the tool would take for an obstacle.
  await row.locator("td").nth(3).click({ force: true });
  await page.waitForURL((url) => url.pathname === href);
  await page.getByRole("tree", { name: "Spans" }).waitFor();
  assert.equal(await page.locator(".trace-id code").innerText(), href.split("/").pop());
}

async function checkRows(page, { spans }, open) {
  await open();
  const rows = await collectRows(page);
  const names = spans.map((span) => ({ id: `span-${span.span_id}`, level: span.level + 1 }));
  assert.equal(rows.length, spans.length);
  // Spans that share an id carry their kind behind it.
  assert.deepEqual(
    rows.map((row) => ({ id: row.id.split(".")[0], level: row.level })),
    names,
  );
}

// Only rows near the visible part are in the page, so all of them are seen by scrolling through.
async function collectRows(page) {
  return page.evaluate(async (selector) => {
    const scroller = document.querySelector(".waterfall-scroll");
    const seen = new Map();
    const note = () => {
      for (const item of document.querySelectorAll(selector)) {
        seen.set(item.id, { id: item.id, level: Number(item.getAttribute("aria-level")) });
      }
    };
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    scroller.scrollTop = 0;
    await frame();
    note();
    while (scroller.scrollTop + scroller.clientHeight < scroller.scrollHeight - 1) {
      scroller.scrollTop += scroller.clientHeight / 2;
      await frame();
      note();
    }
    return [...seen.values()];
  }, ITEMS);
}

async function checkHead(page, { summary }, open) {
  await open();
  const facts = await page.locator(".facts .fact").allInnerTexts();
  const fact = (name) =>
    facts
      .find((text) => text.startsWith(name))
      ?.slice(name.length)
      .trim();
  assert.equal(fact("Spans"), summary.spans.toLocaleString("en-US"));
  assert.equal(fact("Hops"), summary.hops.toLocaleString("en-US"));
  assert.equal(fact("Depth"), summary.depth.toLocaleString("en-US"));
  assert.equal(fact("Errors"), summary.errors.toLocaleString("en-US"));
  assert.equal(fact("Weakest link"), summary.link ?? "not stated");
  assert.equal(fact("Completeness") === "complete", summary.complete);
  const chips = await page.locator(".service-chip").allInnerTexts();
  assert.equal(chips.length, Math.min(18, summary.services.length));
}

async function checkSigns(page, { spans }, open) {
  await open();
  for (const span of spans.slice(0, 15)) {
    const item = page.locator(`[id^="span-${span.span_id}"]`).first();
    const text = await item.innerText();
    if (span.link !== null) assert.ok(text.includes(span.link), `${span.span_id} does not say ${span.link}: ${text}`);
    const isFailed = (await item.getByRole("img", { name: "error" }).count()) > 0;
    assert.equal(isFailed, span.status === "error", `${span.span_id} has the wrong sign`);
  }
}

async function checkSelection(page, { spans }, open) {
  await open();
  const selected = () => page.locator('[aria-selected="true"]').getAttribute("id");
  const expectSpan = (index) => page.waitForURL((url) => url.searchParams.get("span") === spans[index].span_id);
  await page.keyboard.press("j");
  assert.equal(await selected(), `span-${spans[0].span_id}`);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("j");
  assert.equal(await selected(), `span-${spans[2].span_id}`);
  await expectSpan(2);
  await page.keyboard.press("k");
  await expectSpan(1);
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.searchParams.has("span"));
}

async function checkDetail(page, { spans }, open) {
  const span = spans[1];
  await open(`?span=${span.span_id}`);
  await page.keyboard.press("Enter");
  const detail = page.locator(".span-detail");
  await detail.waitFor();
  await page.waitForURL((url) => url.searchParams.get("open") === span.span_id);
  const text = await detail.innerText();
  for (const expected of [span.span_id, ...Object.keys(span.attributes), ...Object.keys(span.resource)]) {
    assert.ok(text.includes(expected), `the details lack ${expected}`);
  }
  await detail.getByText("Raw JSON").click();
  assert.deepEqual(JSON.parse(await detail.locator(".raw-json pre").innerText()), span);
  await detail.getByRole("button", { name: "Copy span id" }).click();
  await page.getByText("Copied span id").waitFor();
  await page.locator(ITEMS).first().locator(".span-name").click();
  await page.locator(".span-detail").nth(1).waitFor();
}

async function checkFolding(page, { spans }, open) {
  await open();
  const roots = spans.filter((span) => span.level === 0);
  await page.keyboard.press("]");
  await page.waitForFunction(
    ([selector, count]) => document.querySelectorAll(selector).length === count,
    [ITEMS, roots.length],
  );
  await page.waitForURL((url) => url.searchParams.get("fold") === "all");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  const children = childrenOf(spans, 0);
  await page.waitForFunction(
    ([selector, count]) => document.querySelectorAll(selector).length === count,
    [ITEMS, roots.length + children],
  );
  await page.keyboard.press("[");
  assert.equal((await collectRows(page)).length, spans.length);
  await page.waitForURL((url) => !url.searchParams.has("fold"));
  await page.locator(".fold-button:not(.is-leaf)").first().click();
  await page.locator(`${ITEMS}[aria-expanded="false"]`).first().waitFor();
}

function childrenOf(spans, index) {
  let children = 0;
  for (const span of spans.slice(index + 1)) {
    if (span.level <= spans[index].level) break;
    if (span.level === spans[index].level + 1) children += 1;
  }
  return children;
}

async function checkSearch(page, { spans }, open) {
  await open();
  const { service } = spans.at(-1);
  const expected = spans.filter((span) => span.service === service).length;
  await page.keyboard.press("/");
  await page.keyboard.type(`service=${service}`);
  await page.getByText(`${expected} found`).waitFor();
  await page.keyboard.press("Enter");
  await page.getByText(`1 of ${expected}`).waitFor();
  assert.equal(await page.locator('[aria-selected="true"] .span-name strong').innerText(), service);
  await page.waitForURL((url) => url.searchParams.get("q") === `service=${service}`);
}

async function checkZoom(page, { summary }, open) {
  await open();
  const box = await page.locator(".minimap-frame").boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.25, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, y);
  await page.mouse.move(box.x + box.width * 0.5, y);
  await page.mouse.up();
  await page.waitForURL(/[?&]zoom=\d+-\d+/);
  const [fromNs, toNs] = new URL(page.url()).searchParams.get("zoom").split("-").map(Number);
  const near = (value, part) => Math.abs(value / summary.duration_ns - part) < 0.02;
  assert.ok(near(fromNs, 0.25) && near(toNs, 0.5), `${fromNs} to ${toNs} of ${summary.duration_ns}`);
  await page.keyboard.press("0");
  await page.waitForURL((url) => !url.searchParams.has("zoom"));
}

async function checkDivider(page, _, open) {
  await open();
  const divider = page.getByRole("separator", { name: "Width of the tree" });
  const before = Number(await divider.getAttribute("aria-valuenow"));
  await divider.press("ArrowRight");
  await page.reload();
  await page.locator(ITEMS).first().waitFor();
  assert.equal(Number(await divider.getAttribute("aria-valuenow")), before + 2);
  await divider.press("ArrowLeft");
}

async function checkDeepLink(page, { spans }, open) {
  const last = spans.at(-1);
  await open(`?fold=all&span=${last.span_id}&open=${last.span_id}`);
  const item = page.locator('[aria-selected="true"]');
  await item.waitFor();
  assert.ok((await item.getAttribute("id")).startsWith(`span-${last.span_id}`));
  await page.locator(".span-detail").waitFor();
  await page.waitForFunction(() => {
    const row = document.querySelector('[aria-selected="true"]')?.getBoundingClientRect();
    const frame = document.querySelector(".waterfall-scroll").getBoundingClientRect();
    return row !== undefined && row.top >= frame.top && row.bottom <= frame.bottom;
  });
}

async function checkCopyAndHelp(page, { spans }, open) {
  await open(`?span=${spans[1].span_id}`);
  await page.keyboard.press("y");
  await page.getByText("Link copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await help.waitFor();
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
}
