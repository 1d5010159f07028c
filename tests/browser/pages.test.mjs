// Every page: what axe says in light and dark; in both languages how wide it is, how it is built, what it asks for.
// Pictures of all of them, to be looked at, are left in shots/.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Visitor, WIDTHS, findings, launch, overflow, shot } from "./support/browser.mjs";
import { everyPage } from "./support/paths.mjs";
import { festival } from "./support/scene.mjs";

const shots = join(process.env.BROWSER_MODULES, "shots");

// How a page is looked at, one after the other; `axe` where that takes its time.
const LOOKS = {
  en: [
    { width: "desk", scheme: "light", axe: true },
    { width: "tablet", scheme: "light" },
    { width: "phone", scheme: "light" },
    { width: "phone", scheme: "dark", axe: true },
    { width: "desk", scheme: "dark" },
  ],
  fr: [
    { width: "desk", scheme: "light" },
    { width: "tablet", scheme: "light" },
    { width: "phone", scheme: "light" },
  ],
};

test("every page", { timeout: 240_000, concurrency: 2 }, async (t) => {
  mkdirSync(shots, { recursive: true });
  const [browser, scene] = await Promise.all([launch(t), festival(t)]);
  const pages = await everyPage(scene);
  const inLanguage = (language) =>
    t.test(language, async (t) => {
      for (const email of new Set(pages.map((page) => page.email))) {
        const visitor = await Visitor.arrive(browser, scene.place.url, { language });
        if (email) await visitor.logIn(email);
        for (const page of pages.filter((page) => page.email === email)) await t.test(page.name, () => look(visitor, page, language));
        await visitor.leave();
      }
    });
  await Promise.all(Object.keys(LOOKS).map(inLanguage));
});

async function look({ page, complaints }, { name, path, status = 200 }, language) {
  complaints.length = 0;
  const found = [];
  const response = await page.goto(path);
  assert.equal(response.status(), status);
  assert.deepEqual(await built(page), { language, headings: 1, unnamed: [] });
  for (const { width, scheme, axe } of LOOKS[language]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: WIDTHS[width], height: 900 });
    if (axe) found.push(...(await findings(page)).map((finding) => `${width}, ${scheme}: ${finding}`));
    const wider = await overflow(page);
    if (wider > 0) found.push(`${width}: ${wider} pixels too wide`);
    await shot(page, width, join(shots, `${name}.${language}.${width}.${scheme}.png`));
  }
  assert.deepEqual([...found, ...complaints], []);
}

// Language, number of main headings, and fields that nothing names.
function built(page) {
  return page.evaluate(() => {
    const named = (field) =>
      field.labels?.length > 0 || field.getAttribute("aria-label") || field.getAttribute("aria-labelledby");
    const fields = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")];
    return {
      language: document.documentElement.lang,
      headings: document.querySelectorAll("h1").length,
      unnamed: fields.filter((field) => !named(field)).map((field) => field.outerHTML),
    };
  });
}
