//! Checks that a phone shows what matters: nothing beyond its edges, the tabs, and which hop failed with which status.

import assert from "node:assert/strict";

import { ALERT_ID, answerAlerts } from "./alerts.mjs";
import { failingLifecycle, incompleteLifecycle } from "./answers.mjs";

const TRACE_ID = "0123456789abcdef0123456789abcdef";
const WIDTHS = [360, 390, 500];
const ITEMS = "[role=treeitem]";

/** Every page at the widths of phones, and the waterfall's names at those of small windows too. */
export async function checkNarrow(checks, browser) {
  for (const width of WIDTHS) {
    const viewport = { width, height: 800 };
    for (const [name, visit] of Object.entries(VISITS)) {
      await checks.run(`${name} fits ${width} pixels, and the tabs can be reached`, () =>
        browser.withPage({ viewport, expects: /api\/v1\/traces/ }, async (page) => {
          await visit(page);
          await assertFits(page);
          await assertTabs(page);
        }),
      );
    }
    await checks.run(`the list shows errors at ${width} pixels`, () =>
      browser.withPage({ viewport }, (page) => checkListErrors(page)),
    );
  }
  for (const width of [...WIDTHS, 1440]) {
    await checks.run(`failing rows show service and status, and the axis can be read, at ${width} pixels`, () =>
      browser.withPage({ viewport: { width, height: 800 } }, (page) =>
        checkFailingRows(page, ["strong", ".error-count"]),
      ),
    );
  }
  await checks.run("a link to a span shows it in view at 390 pixels", () =>
    browser.withPage({ viewport: { width: 390, height: 700 } }, checkDeepLink),
  );
  // Two columns that are hardly wide enough: the status may end in dots before the service does.
  for (const width of [720, 1000]) {
    await checks.run(`failing rows show the service, and the axis can be read, at ${width} pixels`, () =>
      browser.withPage({ viewport: { width, height: 800 } }, (page) => checkFailingRows(page, ["strong"])),
    );
  }
}

const VISITS = {
  "the list": async (page) => {
    await page.goto("/");
    await page.locator(".trace-table tbody tr").first().waitFor();
  },
  "the live list": async (page) => {
    await page.goto("/?live=true");
    await page.locator(".trace-table tbody tr").first().waitFor();
    await page.getByText("following").waitFor();
  },
  "a trace": (page) => openFailingTrace(page),
  "a trace with details": async (page) => {
    await openFailingTrace(page);
    await page.locator(ITEMS).nth(1).click();
    await page.locator(".span-detail").waitFor();
    await page.getByText("Raw JSON").click();
  },
  "a trace with gaps": async (page) => {
    await page.route(`**/api/v1/traces/${TRACE_ID}`, (route) => route.fulfill({ json: incompleteLifecycle(TRACE_ID) }));
    await page.goto(`/trace/${TRACE_ID}?gaps=shown`);
    await page.getByRole("region", { name: "Gaps" }).waitFor();
  },
  "an unknown trace": async (page) => {
    await page.goto(`/trace/${TRACE_ID}`);
    await page.getByRole("alert").waitFor();
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
};

async function openFailingTrace(page, query = "") {
  await page.route(`**/api/v1/traces/${TRACE_ID}`, (route) => route.fulfill({ json: failingLifecycle(TRACE_ID, 7) }));
  await page.goto(`/trace/${TRACE_ID}${query}`);
  await page.locator(ITEMS).first().waitFor();
}

async function assertFits(page) {
  const wide = await page.evaluate(() => {
    const { scrollWidth } = document.scrollingElement;
    const frames = [...document.querySelectorAll(".waterfall-scroll, .table-frame, .alert-card")];
    return {
      page: Math.max(0, scrollWidth - window.innerWidth),
      frames: frames.filter((frame) => frame.scrollWidth > frame.clientWidth).map((frame) => frame.className),
    };
  });
  assert.deepEqual(wide, { page: 0, frames: [] });
}

async function assertTabs(page) {
  const { width } = page.viewportSize();
  for (const name of ["Traces", "Alerts"]) {
    const tab = page.locator(".nav-link", { hasText: name });
    const box = await tab.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= width, `${name} lies from ${box.x} on, ${box.width} wide`);
    assert.ok(box.y >= -1 && box.y + box.height <= 49, `${name} lies from ${box.y} down, ${box.height} high`);
    await tab.click({ trial: true });
  }
}

async function checkListErrors(page) {
  const lifecycle = failingLifecycle(TRACE_ID, 7);
  await page.route("**/api/v1/traces?*", (route) => route.fulfill({ json: { traces: [lifecycle.summary] } }));
  await page.goto("/");
  const count = page.locator(".trace-table .error-count");
  await count.waitFor();
  const box = await count.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= page.viewportSize().width, `errors lie from ${box.x} on`);
}

async function checkDeepLink(page) {
  const last = failingLifecycle(TRACE_ID, 7).spans.at(-1);
  await openFailingTrace(page, `?span=${last.span_id}`);
  await page.waitForFunction((id) => {
    const row = document.getElementById(id)?.getBoundingClientRect();
    const frame = document.querySelector(".waterfall-scroll").getBoundingClientRect();
    return row !== undefined && row.top >= frame.top - 1 && row.bottom <= frame.bottom + 1;
  }, `span-${last.span_id}`);
}

async function checkFailingRows(page, selectors) {
  await openFailingTrace(page);
  const expected = failingLifecycle(TRACE_ID, 7).spans;
  for (const span of expected) {
    const row = page.locator(`#span-${span.span_id}`);
    await row.scrollIntoViewIfNeeded();
    const code = span.attributes["rpc.response.status_code"] ?? String(span.attributes["http.response.status_code"]);
    const whole = { strong: span.service, ".error-count": code };
    const seen = await row.evaluate(readableTexts, selectors);
    assert.deepEqual(
      seen,
      selectors.map((selector) => whole[selector]),
    );
  }
  const ticks = await page.locator(".axis-tick").evaluateAll((labels) =>
    labels.map((label) => {
      const { left, right } = label.getBoundingClientRect();
      return { text: label.textContent, left, right };
    }),
  );
  assert.ok(ticks.length >= 2, `the axis has ${ticks.length} labels`);
  for (const [index, tick] of ticks.entries()) {
    const end = ticks[index + 1]?.left ?? page.viewportSize().width;
    assert.ok(tick.right <= end, `${tick.text} ends at ${tick.right}, and there is something else from ${end} on`);
  }
}

// Runs in the page. The texts of which not a letter is cut off or lies below something else.
function readableTexts(row, selectors) {
  const subpixel = 1 / 64;
  const frame = row.closest(".waterfall").getBoundingClientRect();
  return selectors.map((selector) => {
    const element = row.querySelector(selector);
    // Of an element the range would tell its box; only of a text does it tell where the letters would end uncut.
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    range.selectNodeContents(texts.nextNode());
    const letters = range.getBoundingClientRect();
    for (let box = range.startContainer.parentElement; box !== row; box = box.parentElement) {
      const { left, right } = box.getBoundingClientRect();
      if (getComputedStyle(box).overflowX === "visible") continue;
      if (letters.left < left - subpixel || letters.right > right + subpixel)
        return `${element.textContent}, but cut off`;
    }
    if (letters.right > frame.right) return `${element.textContent}, but beyond the edge`;
    for (const x of [letters.left + 2, letters.right - 2]) {
      const top = document.elementFromPoint(x, (letters.top + letters.bottom) / 2);
      if (!row.contains(top)) return `${element.textContent}, but covered`;
      if (top.closest(".bar-label")) return `${element.textContent}, but covered by the duration`;
    }
    return element.textContent;
  });
}
