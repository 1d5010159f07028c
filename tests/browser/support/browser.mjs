// A real Chromium. Whatever a page complains about, or asks of other hosts, is kept and fails the test that looks.
import assert from "node:assert/strict";

import { axe, chromium } from "./modules.mjs";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const PASSWORD = "correct horse";
export const WIDTHS = { phone: 380, tablet: 800, desk: 1280 };

export async function launch(t) {
  const browser = await chromium.launch({ executablePath, args });
  t.after(() => browser.close());
  return browser;
}

// Somebody with a browser of their own: nothing of it is shared with others.
export class Visitor {
  complaints = [];

  static async arrive(browser, base, { language = "en", width = WIDTHS.desk, ...options } = {}) {
    const visitor = new Visitor();
    visitor.base = base;
    visitor.context = await browser.newContext({
      baseURL: base,
      locale: language,
      timezoneId: "Europe/Paris",
      viewport: { width, height: 900 },
      permissions: ["clipboard-read", "clipboard-write"],
      ...options,
    });
    visitor.context.setDefaultTimeout(10_000);
    visitor.page = await visitor.context.newPage();
    visitor.#listen();
    return visitor;
  }

  async logIn(email, password = PASSWORD) {
    const { page } = this;
    await page.goto("/login/");
    await page.locator("#email").fill(email);
    await page.locator("#password").fill(password);
    await page.locator("main button.primary").click();
    await page.waitForURL((url) => url.pathname !== "/login/");
  }

  // Nothing was complained about, and no other host was asked for anything.
  content() {
    assert.deepEqual(this.complaints, []);
  }

  async leave() {
    await this.context.close();
  }

  #listen() {
    const { page, complaints } = this;
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      // A page that says what was wrong with a form has a status that says so too, which Chromium puts in its console.
      const ofPage = message.text().startsWith("Failed to load resource") && message.location().url === page.url();
      // What a page had asked for when it was left.
      const leftBehind = /^htmx: htmx:error: (Failed to fetch|network error)/.test(message.text());
      if (message.type() === "error" && !ofPage && !leftBehind) complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${this.base}/`) && !url.startsWith("data:")) complaints.push(`${page.url()} asks for ${url}`);
    });
    page.on("dialog", (dialog) => {
      complaints.push(`${page.url()}: a dialog says ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
  }
}

// What axe finds wrong with a page, in words.
export async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  return violations.map(
    ({ impact, id, help, nodes }) =>
      `${impact}: ${help} (${id}) at ${nodes.map((node) => `${node.target}: ${node.html.slice(0, 160)}`).join(" | ")}`,
  );
}

// How far a page is wider than its window, in pixels.
export function overflow(page) {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}

// A picture of a page; what is further down is more of the same.
export async function shot(page, width, path, highest = 1600) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  const clip = { x: 0, y: 0, width: WIDTHS[width], height: Math.min(height, highest) };
  await page.screenshot({ path, fullPage: true, clip });
}
