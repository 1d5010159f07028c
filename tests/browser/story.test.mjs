// A new organizer, from the invitation to a webhook that was broken and is mended: in both languages, and without scripts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, Visitor, launch } from "./support/browser.mjs";
import { Mailbox } from "./support/mailbox.mjs";
import { Receiver } from "./support/receiver.mjs";
import { health, publish } from "./support/scene.mjs";
import { Sonnette } from "./support/server.mjs";
import { words } from "./support/words.mjs";

const EMAIL = "camille@lagrange.example";
const HOME = "/organizers/lagrange";
const PAID = "pretix.event.order.paid";
const BROKEN = { status: 500, headers: { "Content-Type": "application/json" }, body: '{"error":"no such table: tickets"}' };

const STEPS = [
  ["is invited and chooses a password", invited],
  ["tests a webhook before it is saved", tested],
  ["saves it", saved],
  ["sees a notification arrive", arrived],
  ["sees that the receiver fails", failed],
  ["understands why", understood],
  ["mends it", mended],
];

for (const { language, javaScriptEnabled } of [
  { language: "en", javaScriptEnabled: true },
  { language: "fr", javaScriptEnabled: true },
  { language: "en", javaScriptEnabled: false },
  { language: "fr", javaScriptEnabled: false },
]) {
  test(`a new organizer, ${language}, ${javaScriptEnabled ? "with" : "without"} scripts`, { timeout: 60_000 }, async (t) => {
    const story = await begin(t, language, javaScriptEnabled);
    let goesOn = true;
    for (const [name, step] of STEPS) {
      await t.test(name, async (t) => {
        if (!goesOn) return t.skip("what comes before has failed");
        goesOn = false;
        await step(story);
        goesOn = true;
      });
    }
    story.visitor.content();
  });
}

async function begin(t, language, javaScriptEnabled) {
  const [receiver, mailbox, browser] = [await Receiver.start(t), await Mailbox.open(t), await launch(t)];
  const place = await Sonnette.place(t, mailbox.settings);
  await place.run(["organizer", "create", "lagrange", "--name", "La Grange", "--language", language]);
  await place.run(["event", "create", "lagrange", "summer26", "--name", "Summer Nights"]);
  const token = await place.run(["token", "create", "--organizer", "lagrange"]);
  await place.start();
  const visitor = await Visitor.arrive(browser, place.url, { language, javaScriptEnabled });
  const { page } = visitor;
  // What scripts do by themselves, a person without them does by loading the page again.
  const look = async () => {
    if (!javaScriptEnabled) await page.reload();
  };
  return { place, receiver, mailbox, visitor, page, look, api: place.api(token), say: words(language), javaScriptEnabled, language };
}

async function invited({ place, mailbox, page, say, language }) {
  await place.run(["user", "invite", EMAIL, "--organizer", "lagrange"]);
  const mail = await mailbox.to(EMAIL);
  assert.match(mail.text, language === "fr" ? /vous avez reçu une invitation/ : /you have been invited/);
  const [link] = mail.text.match(/https?:\S+/);
  assert.ok(link.startsWith(`${place.url}/`), link);
  await page.goto(link);
  await page.getByLabel(say("password-new"), { exact: true }).fill(PASSWORD);
  await page.getByLabel(say("password-again"), { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: say("password-set") }).click();
  await page.waitForURL(`**${HOME}/webhooks/`);
  await says(page, say("flash-password-set"));
}

async function tested({ page, say, receiver }) {
  await page.getByRole("link", { name: say("webhooks-create") }).first().click();
  await page.getByLabel(say("form-target")).fill(`${receiver.host}/tickets`);
  await page.getByLabel(say("form-comment")).fill("Our own shop");
  await page.locator(`input[name=action_types][value="${PAID}"]`).check();
  const test = page.getByRole("button", { name: say("form-test") });
  // https was put before it, which the receiver does not speak.
  await test.click();
  await says(page, say("advice-no-tls"));
  const target = page.getByLabel(say("form-target"));
  assert.equal(await target.inputValue(), `https://${receiver.host}/tickets`);
  assert.ok(await page.locator(`input[name=action_types][value="${PAID}"]`).isChecked());
  receiver.answers({ status: 503, body: "busy" });
  await target.fill(`http://${receiver.host}/tickets`);
  await test.click();
  await says(page, "503");
  receiver.recovers();
  await test.click();
  await says(page, "200");
  await says(page, "thank you");
}

async function saved({ page, say, receiver }) {
  await page.getByRole("button", { name: say("form-save"), exact: true }).click();
  await page.waitForURL(/\/webhooks\/\d+\/$/);
  assert.equal(await page.locator("h1").textContent(), "Our own shop");
  assert.ok((await page.locator(".head .target").textContent()).includes(receiver.host));
  assert.ok(receiver.requests.every(({ body }) => body.action === PAID), "only tests have been sent");
}

async function arrived({ page, look, receiver, api, say }) {
  const tests = receiver.requests.length;
  const [{ notification_id }] = await publish(api, [PAID], "lagrange");
  await receiver.request(({ body }) => body.notification_id === notification_id);
  assert.equal(receiver.requests.length, tests + 1);
  await health(api, webhookOf(page), ({ backlog }) => backlog === 0, "lagrange");
  await look();
  await page.locator("#log .state.good").first().waitFor();
  await page.locator(".head .state.good", { hasText: say("status-healthy") }).waitFor();
}

async function failed({ page, look, receiver, api, say }) {
  receiver.answers(BROKEN);
  await publish(api, Array(6).fill(PAID), "lagrange");
  await health(api, webhookOf(page), ({ state }) => state === "failing", "lagrange");
  await look();
  await page.locator(".head .state.bad", { hasText: say("status-failing") }).waitFor();
  assert.match(await page.locator("#diagnosis").textContent(), /500.*6/s);
  const own = new URL(page.url()).pathname;
  await page.getByRole("link", { name: say("tab-webhooks"), exact: true }).click();
  const row = page.getByRole("row").filter({ hasText: receiver.host });
  await row.locator(".state.bad", { hasText: say("status-failing") }).waitFor();
  await row.getByRole("link", { name: "Our own shop" }).first().click();
  await page.waitForURL(`**${own}`);
}

async function understood({ page, receiver, javaScriptEnabled, say }) {
  const own = page.url();
  await page.locator("#log a.state.bad").first().click();
  await page.waitForURL("**/attempts/*/");
  const { body, headers } = receiver.requests.at(-1);
  const sent = page.getByRole("region", { name: say("attempt-request") });
  const came = page.getByRole("region", { name: say("attempt-response") });
  assert.match(await sent.textContent(), /webhook-signature/);
  assert.match(await sent.textContent(), new RegExp(`"action": "${body.action}"`));
  assert.match(await came.textContent(), /"error": "no such table: tickets"/);
  assert.ok(headers["webhook-id"]);
  if (javaScriptEnabled) {
    await page.getByRole("button", { name: say("attempt-copy-curl") }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /curl /);
    assert.ok(copied.includes(receiver.host) && copied.includes(PAID), copied);
  } else {
    await page.getByText(say("attempt-curl"), { exact: true }).click();
    assert.match(await page.locator("#curl").textContent(), /curl /);
  }
  await page.goto(own);
}

async function mended({ page, look, receiver, api, say }) {
  receiver.recovers();
  await page.getByRole("button", { name: say("webhook-expedite") }).click();
  await page.locator("p[role=status]").waitFor();
  await health(api, webhookOf(page), ({ backlog }) => backlog === 0, "lagrange");
  await look();
  await page.locator(".head .state.good", { hasText: say("status-healthy") }).waitFor();
  await page.locator("#diagnosis.good").waitFor();
  const delivered = new Set(receiver.requests.map(({ headers }) => headers["webhook-id"]));
  assert.ok(delivered.size >= 7, "all have arrived");
}

function webhookOf(page) {
  return /\/webhooks\/(\d+)\//.exec(page.url())[1];
}

// What the page tells once something was done.
function says(page, text) {
  return page.getByRole("status").or(page.getByRole("alert")).filter({ hasText: text }).first().waitFor();
}
