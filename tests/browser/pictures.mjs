// The pictures of the documentation, taken anew: `make pictures`.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Visitor, WIDTHS, launch, shot } from "./support/browser.mjs";
import { everyPage } from "./support/paths.mjs";
import { festival } from "./support/scene.mjs";

const folder = new URL("../../docs/pictures/", import.meta.url).pathname;

// What a picture is called, and the page it shows.
const PICTURES = {
  "log-in": "log-in",
  overview: "overview",
  webhooks: "webhooks",
  webhook: "webhook-failing",
  "webhook-well": "webhook-well",
  "webhook-off": "webhook-off",
  attempt: "attempt-bad",
  "attempt-refused": "attempt-refused",
  deliveries: "deliveries-waiting",
  log: "log",
  create: "form-new",
  test: "test",
  resend: "resend",
  enable: "enable",
  secret: "secret",
  notifications: "notifications",
  notification: "notification",
  "action-types": "action-types",
  "action-type": "action-type",
  tokens: "tokens",
  users: "users",
  settings: "settings",
  audit: "audit",
};

// And of some, how they look otherwise.
const LOOKS = [
  { suffix: "", names: Object.keys(PICTURES) },
  { suffix: "-dark", colorScheme: "dark", names: ["webhooks", "webhook"] },
  { suffix: "-fr", language: "fr", names: ["webhooks", "webhook", "create"] },
  { suffix: "-phone", width: "phone", names: ["webhooks", "webhook", "attempt"] },
];

test("pictures", { timeout: 180_000 }, async (t) => {
  const [browser, scene] = await Promise.all([launch(t), festival(t)]);
  const pages = await everyPage(scene);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { suffix, names, width = "desk", ...look } of LOOKS) {
    const wanted = names.map((name) => ({ file: `${name}${suffix}.png`, ...pages.find((page) => page.name === PICTURES[name]) }));
    for (const email of new Set(wanted.map((page) => page.email))) {
      const visitor = await Visitor.arrive(browser, scene.place.url, { width: WIDTHS[width], ...look });
      if (email) await visitor.logIn(email);
      for (const { file, path } of wanted.filter((page) => page.email === email)) {
        await visitor.page.goto(path);
        await visitor.page.mouse.move(0, 0);
        await shot(visitor.page, width, join(folder, file), 1200);
      }
      await visitor.leave();
    }
  }
  // A palette is enough for pages without photographs.
  const files = readdirSync(folder).map((file) => join(folder, file));
  execFileSync("pngquant", ["--force", "--ext", ".png", "--speed", "1", "--strip", "64", ...files]);
});
