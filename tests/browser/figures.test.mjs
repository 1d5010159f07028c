// What each page weighs, the first time and again, and how long it takes on this machine. Only the weight is judged.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Visitor, launch } from "./support/browser.mjs";
import { everyPage } from "./support/paths.mjs";
import { festival } from "./support/scene.mjs";

// The most that a page may ask for, and what may come in answer, in bytes: with style and scripts, and without.
const MOST = { requests: 8, first: 160_000, again: 90_000 };

test("what pages weigh", { timeout: 120_000 }, async (t) => {
  const [browser, scene] = await Promise.all([launch(t), festival(t)]);
  const lines = [];
  const tooMuch = [];
  const sessions = new Map();
  for (const { name, path, email } of await everyPage(scene)) {
    if (!sessions.has(email)) sessions.set(email, await session(browser, scene, email));
    const visitor = await Visitor.arrive(browser, scene.place.url, { storageState: sessions.get(email) });
    const first = await weighed(visitor, path);
    const again = await weighed(visitor, path);
    await visitor.leave();
    lines.push({ name, first, again });
    if (first.requests > MOST.requests || first.bytes > MOST.first || again.bytes > MOST.again) tooMuch.push(name);
  }
  for (const line of table(lines)) t.diagnostic(line);
  assert.deepEqual(tooMuch, []);
});

async function session(browser, { place }, email) {
  const visitor = await Visitor.arrive(browser, place.url);
  if (email) await visitor.logIn(email);
  const state = await visitor.context.storageState();
  await visitor.leave();
  return state;
}

// Requests and bytes until the page is there; what goes on afterwards, to keep it up to date, is not counted.
async function weighed({ page, context }, path) {
  await page.goto("about:blank");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  const asked = new Set();
  let bytes = 0;
  devtools.on("Network.requestWillBeSent", ({ requestId, type }) => type !== "Fetch" && asked.add(requestId));
  devtools.on("Network.requestServedFromCache", ({ requestId }) => asked.delete(requestId));
  devtools.on("Network.responseReceived", ({ requestId, response }) => response.fromDiskCache && asked.delete(requestId));
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (asked.has(requestId)) bytes += encodedDataLength;
  });
  await page.goto(path, { waitUntil: "load" });
  const times = await page.evaluate(() => {
    const [{ requestStart, responseStart, startTime, domContentLoadedEventEnd }] = performance.getEntriesByType("navigation");
    return { server: responseStart - requestStart, ready: domContentLoadedEventEnd - startTime };
  });
  await devtools.detach();
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
