// A platform shows an organizer's webhooks in a frame of its own page, if the server's settings name it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { Visitor, launch } from "./support/browser.mjs";
import { found } from "./support/scene.mjs";
import { Sonnette } from "./support/server.mjs";

// In a frame of another site browsers keep cookies only of servers that are reached over TLS: a proxy says so.
const behindTls = { trusted_proxies: "127.0.0.1" };
const proxy = { "X-Forwarded-Proto": "https" };

test("a platform's portal", { timeout: 60_000 }, async (t) => {
  const browser = await launch(t);
  const platform = await startPlatform(t);

  await t.test("opens in a frame of a platform that the settings name", async () => {
    const { place, url, webhook } = await served(t, { embed_origins: platform.origin, ...behindTls });
    const visitor = await framed(browser, place, platform, url);
    await visitor.page.goto(platform.origin);
    const frame = visitor.page.frameLocator("iframe");
    await frame.locator("h1").waitFor();
    // Within the frame one gets about, too.
    await frame.getByRole("navigation").getByRole("link").nth(1).click();
    await frame.locator("a[aria-current=page]", { hasText: "Log" }).waitFor();
    assert.equal(await frame.locator("a[href^='/organizers/'], form[action='/logout/']").count(), 0);
    // Copying works where the frame was not given the clipboard, too.
    await visitor.page.frames()[1].goto(`${place.url}/portal/bigevents/webhooks/${webhook}/secret/`);
    await frame.locator("[data-copy=sample-text]").click();
    await frame.getByText("Copied", { exact: true }).waitFor();
    // The frame keeps a choice of language.
    await frame.locator("footer a[hreflang=fr]").click();
    await frame.locator("html[lang=fr]").waitFor({ state: "attached" });
    const expected = / asks for |Permissions policy violation: The Clipboard API/;
    assert.deepEqual(visitor.complaints.filter((one) => !expected.test(one)), []);
    await visitor.leave();
  });

  await t.test("opens in no other", async () => {
    const { place, url } = await served(t, { embed_origins: "https://platform.example", ...behindTls });
    const visitor = await framed(browser, place, platform, url);
    const refused = visitor.page.waitForEvent("console", (message) => /frame-ancestors/.test(message.text()));
    await visitor.page.goto(platform.origin);
    await refused;
    assert.equal(await visitor.page.frameLocator("iframe").locator("h1", { hasText: "ebhooks" }).count(), 0);
    await visitor.leave();
  });

  await t.test("opens as a page of its own, and no further than its organizer", async () => {
    const { place, url } = await served(t);
    const visitor = await Visitor.arrive(browser, place.url);
    await visitor.page.goto(url);
    await visitor.page.waitForURL("**/portal/bigevents/webhooks/");
    assert.equal((await visitor.page.goto("/portal/theatre/webhooks/")).status(), 404);
    assert.equal((await visitor.page.goto("/portal/bigevents/tokens/")).status(), 403);
    await visitor.page.goto("/organizers/bigevents/webhooks/");
    assert.equal(new URL(visitor.page.url()).pathname, "/login/");
    await visitor.leave();
  });
});

async function served(t, settings) {
  const place = await Sonnette.place(t, settings);
  const token = await found(place);
  await place.start();
  const api = place.api(token);
  const wanted = { target_url: "http://127.0.0.1:9/", all_events: true, limit_events: [], action_types: ["pretix.event.checkin"] };
  const { id } = await api("POST", "/organizers/bigevents/webhooks/", wanted);
  const { url } = await api("POST", "/organizers/bigevents/portal/");
  return { place, url, webhook: id };
}

// Another site than the server's: its name is not a number.
async function startPlatform(t) {
  const platform = {};
  const server = createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" }).end(platform.page);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => server.close());
  platform.origin = `http://localhost:${server.address().port}`;
  return platform;
}

function framed(browser, place, platform, url) {
  platform.page = `<!doctype html><title>Platform</title><iframe src="${url}" width="1000" height="700"></iframe>`;
  return Visitor.arrive(browser, place.url, { extraHTTPHeaders: proxy });
}
