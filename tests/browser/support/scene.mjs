// An organizer as they are on a day of sales: webhooks that are well, that fail, that are off, that were never used.
import { PASSWORD } from "./browser.mjs";
import { dayBefore } from "./history.mjs";
import { Mailbox } from "./mailbox.mjs";
import { Receiver } from "./receiver.mjs";
import { Sonnette } from "./server.mjs";

export const OWNER = "anna@bigevents.example";
export const OPERATOR = "operator@tickets.example";

const EVENTS = { summer26: "Summer Nights 2026", jazz: "Jazz in the Courtyard", fair: "Christmas Fair" };
const ORDERS = ["pretix.event.order.placed", "pretix.event.order.paid", "pretix.event.order.canceled"];
const CHECKINS = ["pretix.event.checkin", "pretix.event.checkin.reverted"];

// What each webhook is for, by the path of its target.
const WEBHOOKS = {
  accounting: { comment: "Accounting", action_types: ORDERS },
  newsletter: { comment: "Newsletter: adds whoever has agreed", action_types: ["pretix.event.order.paid"], limit_events: ["summer26", "jazz"] },
  gate: { comment: "Turnstiles at the gate", action_types: [...ORDERS, ...CHECKINS] },
  crm: { comment: "Customer records", action_types: [...ORDERS, "pretix.customer.created", "pretix.customer.changed"] },
  old: { comment: "Old shop (moved)", action_types: ORDERS },
  badges: { comment: "Badge printer", action_types: ["pretix.event.checkin"], limit_events: ["fair"] },
};

const CRASH = {
  status: 500,
  headers: { "Content-Type": "text/html" },
  body: "<!doctype html><title>Error</title><h1>Internal Server Error</h1><p>Database connection lost</p>",
};

// Everything started, with a day's history.
export async function festival(t) {
  const [receiver, turnstiles, mailbox] = [await Receiver.start(t), await Receiver.start(t), await Mailbox.open(t)];
  const place = await Sonnette.place(t, mailbox.settings);
  const token = await found(place);
  await place.start();
  const api = place.api(token);
  const webhooks = await registered(api, { receiver, turnstiles });
  await lived(api, { receiver, turnstiles, webhooks });
  await place.stop();
  await dayBefore(place, webhooks);
  await place.start();
  await publish(api, ["pretix.event.order.placed", "pretix.event.order.paid", "pretix.event.checkin"]);
  await settled(api, webhooks.accounting);
  return { place, api, webhooks };
}

export async function found(place) {
  await place.run(["organizer", "create", "bigevents", "--name", "Big Events", "--contact-email", OWNER]);
  await place.run(["organizer", "create", "theatre", "--name", "Théâtre du Parc", "--language", "fr"]);
  for (const [slug, name] of Object.entries(EVENTS)) await place.run(["event", "create", "bigevents", slug, "--name", name]);
  const all = ["webhooks", "publish", "organizer"].flatMap((permission) => ["--permission", permission]);
  const toAll = ["--organizer", "bigevents", ...all];
  await place.run(["user", "create", OWNER, ...toAll, "--password-stdin"], `${PASSWORD}\n`);
  await place.run(["user", "create", OPERATOR, "--operator", "--password-stdin"], `${PASSWORD}\n`);
  // As if it had been in use for long.
  await place.sql("UPDATE counters SET value = 48211 WHERE name = 'notification'");
  return place.run(["token", "create", ...toAll, "--name", "Ticket shop"]);
}

async function registered(api, { receiver, turnstiles }) {
  await api("POST", "/organizers/bigevents/action_types/", {
    action_type: "shop.parcel.sent",
    description: "A parcel with printed tickets is on its way.",
    schema: { type: "object", required: ["parcel"], properties: { parcel: { type: "string" } } },
    example: { parcel: "JD014600006281230704" },
  });
  const ids = {};
  for (const [name, webhook] of Object.entries(WEBHOOKS)) {
    const { host } = name === "gate" ? turnstiles : receiver;
    const target_url = `http://${host}/hooks/${name}`;
    ids[name] = (await api("POST", "/organizers/bigevents/webhooks/", { target_url, limit_events: [], ...webhook })).id;
  }
  return ids;
}

// Every outcome once, for real.
async function lived(api, { receiver, turnstiles, webhooks }) {
  receiver.answers(({ path }) => (path.endsWith("/old") ? { status: 410, body: "gone" } : {}));
  await publish(api, [...ORDERS, ...CHECKINS]);
  await settled(api, webhooks.gate);
  await settled(api, webhooks.crm);
  receiver.answers(({ path }) => (path.endsWith("/crm") ? CRASH : {}));
  await turnstiles.refuse();
  await publish(api, [...ORDERS, ...ORDERS]);
  await health(api, webhooks.gate, ({ state }) => state === "failing");
  await health(api, webhooks.crm, ({ consecutive_failures }) => consecutive_failures > 0);
  receiver.recovers();
  await settled(api, webhooks.accounting);
}

export function publish(api, actionTypes, organizer = "bigevents") {
  const events = Object.keys(EVENTS);
  const notifications = actionTypes.map((action_type, at) => ({
    action_type,
    event: events[at % 2],
    data: action_type.includes("checkin")
      ? { code: code(at), orderposition_id: 23 + at, orderposition_positionid: 1, checkin_list: 2, type: "entry", first_checkin: true }
      : { code: code(at) },
  }));
  return api("POST", `/organizers/${organizer}/notifications/`, notifications);
}

function code(at) {
  return `F${"8PXRKTWQ3Z"[at % 10]}L${at % 7}H`;
}

// Waits until nothing waits any more for this webhook.
export function settled(api, webhook, organizer = "bigevents") {
  return health(api, webhook, ({ backlog, last_response }) => backlog === 0 && last_response !== null, organizer);
}

// Waits until the figures of a webhook are as wanted.
export async function health(api, webhook, wanted, organizer = "bigevents") {
  const until = Date.now() + 20_000;
  for (;;) {
    const health = await api("GET", `/organizers/${organizer}/webhooks/${webhook}/health/`);
    if (wanted(health)) return health;
    if (Date.now() > until) throw new Error(`webhook ${webhook} is ${JSON.stringify(health)}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}
