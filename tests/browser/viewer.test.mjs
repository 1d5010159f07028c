// What scripts do for whoever looks: times of their own zone and country, and copying, wherever the page is.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Visitor, launch } from "./support/browser.mjs";
import { OWNER, found, publish, settled } from "./support/scene.mjs";
import { Receiver } from "./support/receiver.mjs";
import { Sonnette } from "./support/server.mjs";

const HOME = "/organizers/bigevents";

test("what scripts add", { timeout: 120_000 }, async (t) => {
  const [browser, receiver] = [await launch(t), await Receiver.start(t)];
  const place = await Sonnette.place(t);
  const api = place.api(await found(place));
  await place.start();
  const action_types = ["pretix.event.order.paid"];
  const { id } = await api("POST", `${HOME}/webhooks/`, { target_url: `http://${receiver.host}/`, all_events: true, limit_events: [], action_types });
  await publish(api, action_types);
  await settled(api, id);
  const secret = `${HOME}/webhooks/${id}/secret/#samples`;

  async function arrive(options) {
    const visitor = await Visitor.arrive(browser, place.url, options);
    await visitor.logIn(OWNER);
    return visitor;
  }

  await t.test("filters take the viewer's time, and links carry UTC", async () => {
    const visitor = await arrive();
    const { page } = visitor;
    for (const path of ["/attempts/", "/notifications/"]) {
      await page.goto(`${HOME}${path}?since=2026-07-01T10:00:05&until=2026-10-25T01:30`);
      const [since, until] = [page.locator("#since"), page.locator("#until")];
      assert.equal(await since.inputValue(), "2026-07-01T12:00:05");
      // In autumn this hour comes twice.
      assert.equal(await until.inputValue(), "2026-10-25T02:30");
      assert.equal(await page.getByText("(UTC)").filter({ visible: true }).count(), 0);
      assert.deepEqual(await sent(page, since), { since: "2026-07-01T10:00:05", until: "2026-10-25T01:30" });
      await since.fill("2026-01-02T00:15:05");
      assert.deepEqual(await sent(page, since), { since: "2026-01-01T23:15:05", until: "2026-10-25T01:30" });
      assert.equal(await since.inputValue(), "2026-01-02T00:15:05");
    }
    visitor.content();
    await visitor.leave();
  });

  await t.test("a form that comes back has the same time, and saves it in UTC", async () => {
    const visitor = await arrive();
    const { page } = visitor;
    await page.goto(`${HOME}/settings/events/`);
    await page.locator("#slug").fill("jazz");
    await page.locator("#date_from").fill("2026-12-24T19:00");
    await page.locator("#slug").press("Enter");
    await page.getByRole("alert").waitFor();
    assert.equal(await page.locator("#date_from").inputValue(), "2026-12-24T19:00");
    await page.locator("#slug").fill("gala");
    await page.locator("#slug").press("Enter");
    await page.getByRole("status").waitFor();
    assert.equal((await api("GET", `${HOME}/events/gala/`)).date_from, "2026-12-24T18:00:00.000000Z");

    await page.goto(`${HOME}/webhooks/${id}/resend/?since=2026-02-01T12:00:00Z`);
    assert.equal(await page.locator("#since").inputValue(), "2026-02-01T13:00");
    await page.locator("#since").fill("2026-02-01T00:30");
    const posted = page.waitForRequest((request) => request.method() === "POST");
    await page.locator("button[name=count]").click();
    assert.equal(new URLSearchParams((await posted).postData()).get("since"), "2026-01-31T23:30");
    await page.locator("p[role=status]").waitFor();
    assert.equal(await page.locator("#since").inputValue(), "2026-02-01T00:30");
    visitor.content();
    await visitor.leave();
  });

  await t.test("dates are written as in the viewer's country", async () => {
    for (const [language, written] of [
      ["en-GB", /^\d+ \w+ \d{4}, \d\d:\d\d:\d\d$/],
      ["en-US", /^\w+ \d+, \d{4}, \d+:\d\d:\d\d.[AP]M$/],
      ["en", /^\d+ \w+ \d{4}, \d\d:\d\d:\d\d$/],
      ["fr-FR", /^\d+ \S+ \d{4}, \d\d:\d\d:\d\d$/],
    ]) {
      const visitor = await arrive({ language });
      await visitor.page.goto(`${HOME}/attempts/`);
      assert.match(await visitor.page.locator("#log time").first().textContent(), written, language);
      await visitor.leave();
    }
  });

  await t.test("copies without the clipboard of pages, or leaves the text selected", async () => {
    const visitor = await arrive();
    const { page } = visitor;
    await visitor.context.addInitScript(() => Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined }));
    await page.goto(secret);
    const button = page.locator("[data-copy=sample-text]");
    const text = await page.locator("#sample-text").textContent();
    await button.click();
    await page.getByText("Copied", { exact: true }).waitFor();
    await page.evaluate(() => document.body.append(Object.assign(document.createElement("textarea"), { id: "pasted" })));
    await page.locator("#pasted").press("Control+V");
    assert.equal((await page.locator("#pasted").inputValue()).trim(), text.trim());

    await visitor.context.addInitScript(() => (document.execCommand = () => false));
    await page.reload();
    await button.click();
    await page.waitForFunction(() => `${getSelection()}`.length > 100);
    assert.equal(await button.textContent(), "Copy");
    visitor.content();
    await visitor.leave();
  });

  await t.test("an open page with changes is left without an error", async () => {
    const visitor = await arrive();
    const { page } = visitor;
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    for (const path of ["/webhooks/", "/attempts/", `/webhooks/${id}/`]) {
      const connected = page.waitForResponse((response) => response.url().includes("/live/"));
      await page.goto(HOME + path);
      await connected;
      // The script hears of it a little later.
      await page.waitForTimeout(200);
      await page.locator("nav.tabs a").last().click();
      await page.waitForURL(`**${HOME}/**`);
    }
    assert.deepEqual(complaints, []);
    await visitor.leave();
  });
});

// Sends the form of a field; the times in the address it leads to.
async function sent(page, field) {
  const arrived = page.waitForNavigation();
  await field.press("Enter");
  await arrived;
  const { searchParams } = new URL(page.url());
  return { since: searchParams.get("since"), until: searchParams.get("until") };
}
