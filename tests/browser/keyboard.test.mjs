// Without a mouse: one can see where one is, and everything that logging in takes can be reached in its order.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, Visitor, launch } from "./support/browser.mjs";
import { OWNER, found } from "./support/scene.mjs";
import { Sonnette } from "./support/server.mjs";

test("by keyboard alone", { timeout: 60_000 }, async (t) => {
  const [place, browser] = [await Sonnette.place(t), await launch(t)];
  await found(place);
  await place.start();
  const visitor = await Visitor.arrive(browser, place.url);
  const { page } = visitor;

  await t.test("one logs in", async () => {
    await page.goto("/login/");
    assert.equal(await focused(page), "email");
    await page.keyboard.type(OWNER);
    assert.equal(await next(page), "password");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/webhooks/");
  });

  await t.test("one passes by what is on every page", async () => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "main");
  });

  await t.test("one fills in the form", async () => {
    await page.goto("/organizers/bigevents/webhooks/new/");
    await page.locator("#target_url").focus();
    await page.keyboard.type("127.0.0.1:9/hook");
    assert.equal(await next(page), "comment");
    await next(page);
    assert.equal(await page.evaluate(() => document.activeElement.name), "enabled");
    await page.keyboard.press("Space");
    assert.equal(await page.locator("input[name=enabled]").isChecked(), false);
  });
  visitor.content();
});

// Goes on to the next element, which must show that one is there.
async function next(page) {
  await page.keyboard.press("Tab");
  const { outlineStyle, outlineWidth } = await page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return { outlineStyle, outlineWidth };
  });
  assert.notEqual(outlineStyle, "none");
  assert.ok(parseFloat(outlineWidth) >= 2, outlineWidth);
  return focused(page);
}

function focused(page) {
  return page.evaluate(() => document.activeElement.id);
}
