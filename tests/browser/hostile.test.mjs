// Whatever strangers and colleagues write is shown as text: names, comments, answers of receivers.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, Visitor, launch } from "./support/browser.mjs";
import { Receiver } from "./support/receiver.mjs";
import { OPERATOR } from "./support/scene.mjs";
import { Sonnette } from "./support/server.mjs";

// Each piece of it is told apart by a word of its own.
const markup = (word) => `"'><script>alert("${word}")</script><img src=x onerror=alert(2)>&lt;b&gt;`;
const IN_URL = encodeURIComponent(markup("query"));
const HOME = "/organizers/evil";

test("hostile content", { timeout: 60_000 }, async (t) => {
  const [receiver, browser, place] = [await Receiver.start(t), await launch(t), await Sonnette.place(t)];
  await place.run(["organizer", "create", "evil", "--name", markup("organizer")]);
  await place.run(["event", "create", "evil", "summer26", "--name", markup("event")]);
  await place.run(["user", "create", OPERATOR, "--operator", "--password-stdin"], PASSWORD);
  const token = await place.run(["token", "create", "--operator", "--name", markup("operator")]);
  await place.start();
  const api = place.api(token);
  const { webhook, attempt, notification, own } = await poisoned(api, receiver);

  const visitor = await Visitor.arrive(browser, place.url);
  await visitor.logIn(OPERATOR);
  // Each page, and what must be seen there.
  for (const [path, ...seen] of [
    ["/", "organizer"],
    [`${HOME}/webhooks/`, "organizer", "comment"],
    [`${HOME}/webhooks/${webhook}/`, "comment"],
    [`${HOME}/webhooks/${webhook}/edit/`, "comment", "description", "event"],
    [`${HOME}/webhooks/${webhook}/attempts/${attempt}/`, "answer", "header", "data"],
    [`${HOME}/webhooks/${webhook}/deliveries/`, "organizer"],
    [`${HOME}/webhooks/new/`, "description", "event"],
    [`${HOME}/attempts/?event=${IN_URL}`, "query"],
    [`${HOME}/notifications/`, "organizer"],
    [`${HOME}/notifications/?event=${IN_URL}`, "query"],
    [`${HOME}/notifications/${notification}/`, "data"],
    [`${HOME}/action-types/`, "description"],
    [`${HOME}/action-types/evil.thing/`, "description", "schema", "example"],
    [`${HOME}/action-types/evil.thing/edit/`, "description", "schema", "example"],
    [`${HOME}/tokens/`, "token"],
    [`${HOME}/tokens/${own}/`, "token"],
    [`${HOME}/settings/`, "organizer"],
    [`${HOME}/settings/events/`, "event"],
    [`${HOME}/audit/`, "comment"],
    [`/login/?next=${IN_URL}`],
    [`${HOME}/${IN_URL}/`],
  ]) {
    await t.test(path.replace(IN_URL, "…"), async () => {
      await visitor.page.goto(path);
      await harmless(visitor.page, seen);
      visitor.content();
    });
  }

  await t.test("the answer to a test", async () => {
    await visitor.page.goto(`${HOME}/webhooks/${webhook}/test/`);
    await visitor.page.locator("main button.primary").click();
    await visitor.page.locator("pre", { hasText: markup("answer") }).first().waitFor();
    await harmless(visitor.page, ["answer"]);
    visitor.content();
  });
});

// Markup wherever one can write, and an answer that is a page of its own.
async function poisoned(api, receiver) {
  receiver.answers({ status: 500, headers: { "Content-Type": "text/html", "X-Evil": markup("header") }, body: `<h1>${markup("answer")}</h1>` });
  await api("POST", `${HOME}/action_types/`, {
    action_type: "evil.thing",
    description: markup("description"),
    schema: { type: "object", title: markup("schema") },
    example: { text: markup("example") },
  });
  const { id: own } = await api("POST", `${HOME}/tokens/`, { name: markup("token"), permissions: ["webhooks"] });
  const { id: webhook } = await api("POST", `${HOME}/webhooks/`, {
    target_url: `http://${receiver.host}/${encodeURIComponent(markup("path"))}`,
    comment: markup("comment"),
    limit_events: [],
    action_types: ["evil.thing"],
  });
  const [{ notification_id: notification }] = await api("POST", `${HOME}/notifications/`, [
    { action_type: "evil.thing", event: "summer26", data: { text: markup("data") } },
  ]);
  await receiver.request(() => true);
  const attempts = () => api("GET", `${HOME}/webhooks/${webhook}/attempts/`);
  let { results } = await attempts();
  while (results.length === 0) ({ results } = await attempts());
  return { webhook, attempt: results[0].id, notification, own };
}

// Nothing of it has become part of the page, but these are there to be read: as they are, or as JSON has them.
async function harmless(page, seen) {
  const { elements, text } = await page.evaluate(() => {
    const fields = [...document.querySelectorAll("input, textarea")].map((field) => field.value);
    return {
      elements: document.querySelectorAll("body script, img[src=x], [onerror]").length,
      text: [document.body.textContent, ...fields].join("\n"),
    };
  });
  assert.equal(elements, 0);
  for (const word of seen) {
    const inJson = JSON.stringify(markup(word)).slice(1, -1);
    assert.ok(text.includes(markup(word)) || text.includes(inJson), `${word} is missing in ${text}`);
  }
}
