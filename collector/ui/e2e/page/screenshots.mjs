//! Pictures of the pages, light and dark, wide and narrow.

import { join } from "node:path";

/** Writes `list`, `trace` and `detail` in six variants each. */
export async function takeScreenshots(browser, folder) {
  const { traces } = await browser.ask("/api/v1/traces?limit=200");
  const [trace] = traces.toSorted((left, right) => right.errors - left.errors || right.spans - left.spans);
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 800, 390]) {
      await browser.withPage({ colorScheme, viewport: { width, height: 800 } }, async (page) => {
        const save = (name) => page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
        await page.goto("/");
        await page.locator(".trace-table tbody tr").first().waitFor();
        await save("list");
        await page.goto(`/trace/${trace.trace_id}`);
        await page.getByRole("treeitem").first().waitFor();
        await save("trace");
        await page.keyboard.press("j");
        await page.keyboard.press("j");
        await page.keyboard.press("Enter");
        await page.locator(".span-detail").waitFor();
        await save("detail");
      });
    }
  }
}
