//! A browser of its own for the checks, which notes every error and every breach of the content security policy.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const DEADLINE_MS = 20_000;

/** Starts Chromium with a profile that nothing else uses. */
export async function openBrowser(base) {
  const executablePath = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) {
    throw new Error(`no browser at ${executablePath}: install chromium, or set CHROMIUM_BIN`);
  }
  const profile = await mkdtemp(join(tmpdir(), "throughline-page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: ARGUMENTS,
    viewport: { width: 1280, height: 800 },
    baseURL: base,
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(base).origin });
  return new Browser(base, context, profile);
}

class Browser {
  #errors = [];
  #breaches = [];

  constructor(base, context, profile) {
    this.base = base;
    this.context = context;
    this.profile = profile;
  }

  /** A new page, closed again after `body`. `expects` matches addresses that may answer with an error. */
  async withPage(options, body) {
    const page = await this.context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.setViewportSize(options.viewport ?? { width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: options.colorScheme ?? "light", reducedMotion: "reduce" });
    await this.#watch(page, options.expects);
    try {
      return await body(page);
    } finally {
      await page.close();
    }
  }

  /** What the API answers. */
  async ask(path) {
    const response = await fetch(this.base + path);
    assert.ok(response.ok, `${path} answered ${response.status}`);
    return response.json();
  }

  assertQuiet() {
    assert.deepEqual(this.#errors, []);
  }

  assertPolicyKept() {
    assert.deepEqual(this.#breaches, []);
  }

  async close() {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
  }

  async #watch(page, expects) {
    page.on("pageerror", (error) => this.#errors.push(`script: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      if (text.includes("Content Security Policy")) this.#breaches.push(text);
      else if (message.type() === "error" && !expects?.test(message.location().url)) this.#errors.push(text);
    });
    await page.exposeBinding("noteBreach", (_, breach) => this.#breaches.push(breach));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        window.noteBreach(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
      });
    });
  }
}
