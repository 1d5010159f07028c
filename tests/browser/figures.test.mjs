// What each page weighs, the first time and again, and how long it takes on this machine. Only the weight is judged.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Visitor, launch } from "./support/browser.mjs";
import { everyPage } from "./support/paths.mjs";
import { festival } from "./support/scene.mjs";

// The most that a page may ask for, and what may come in answer, in bytes: with style and scripts, and without.
const MOST = { requests: 8, first: 160_000, again: 90_000 };

test("what pages weigh", { timeout: 240_000 }, async (t) => {
  const [browser, scene] = await Promise.all([launch(t), festival(t)]);
  const lines = [];
  const tooMuch = [];
  const pages = await everyPage(scene);
  for (const email of new Set(pages.map((page) => page.email))) {
    const visitor = await Visitor.arrive(browser, scene.place.url);
    if (email) await visitor.logIn(email);
    const devtools = await visitor.context.newCDPSession(visitor.page);
    await devtools.send("Network.enable");
    for (const { name, path } of pages.filter((page) => page.email === email)) {
      await devtools.send("Network.clearBrowserCache");
      const first = await weighed(visitor.page, devtools, path);
      const again = await weighed(visitor.page, devtools, path);
      lines.push({ name, first, again });
      if (first.requests > MOST.requests || first.bytes > MOST.first || again.bytes > MOST.again) tooMuch.push(name);
    }
    await visitor.leave();
  }
  for (const line of table(lines)) t.diagnostic(line);
  assert.deepEqual(tooMuch, []);
});

// Requests and bytes until the page is there; what goes on afterwards, to keep it up to date, is not counted.
async function weighed(page, devtools, path) {
  // Whatever the page before still asks for is not this one's.
  await page.goto("about:blank");
  const asked = new Set();
  let bytes = 0;
  const on = {
    "Network.requestWillBeSent": ({ requestId, type }) => type !== "Fetch" && asked.add(requestId),
    "Network.requestServedFromCache": ({ requestId }) => asked.delete(requestId),
    "Network.responseReceived": ({ requestId, response }) => response.fromDiskCache && asked.delete(requestId),
    "Network.loadingFinished": ({ requestId, encodedDataLength }) => asked.has(requestId) && (bytes += encodedDataLength),
  };
  for (const [event, act] of Object.entries(on)) devtools.on(event, act);
  await page.goto(path, { waitUntil: "load" });
  const times = await page.evaluate(() => {
    const [{ requestStart, responseStart, startTime, domContentLoadedEventEnd }] = performance.getEntriesByType("navigation");
    return { server: responseStart - requestStart, ready: domContentLoadedEventEnd - startTime };
  });
  for (const [event, act] of Object.entries(on)) devtools.off(event, act);
  return { requests: asked.size, bytes, ...times };
}

function table(lines) {
  const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
  const rows = lines.map(({ name, first, again }) => [
    name,
    first.requests,
    kilobytes(first.bytes),
    again.requests,
    kilobytes(again.bytes),
    again.server.toFixed(0),
    first.ready.toFixed(0),
    again.ready.toFixed(0),
  ]);
  const head = ["page", "requests", "kB", "again", "kB", "server ms", "ready ms", "again"];
  return [head, ...rows].map(([name, ...cells]) => name.padEnd(20) + cells.map((cell) => `${cell}`.padStart(10)).join(""));
}
