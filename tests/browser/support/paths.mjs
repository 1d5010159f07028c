// Every page there is, in one place: what it is called here, where it is, and who opens it.
import { OPERATOR, OWNER } from "./scene.mjs";

const HOME = "/organizers/bigevents";

export async function everyPage(scene) {
  const { api } = scene;
  const { url: portal } = await api("POST", `${HOME}/portal/`);
  const of = (email, pages) => Object.entries(pages).map(([name, path]) => ({ name, path, email }));
  return [
    ...of(undefined, {
      "log-in": "/login/",
      forgot: "/forgot/",
      portal: new URL(portal).pathname + new URL(portal).search,
    }),
    { name: "password-link-over", path: "/password/nothing/", status: 410 },
    { name: "portal-over", path: "/portal/?key=nothing", status: 401 },
    { name: "not-found", path: "/nothing/", status: 404 },
    ...of(OPERATOR, { overview: "/", everyone: "/users/", anyone: "/users/1/" }),
    ...of(OWNER, { account: "/account/", ...below(HOME, await organizerPages(scene)) }),
  ];
}

function below(base, pages) {
  return Object.fromEntries(Object.entries(pages).map(([name, path]) => [name, base + path]));
}

async function organizerPages({ api, webhooks: { accounting, badges, crm, gate, newsletter, old } }) {
  const newest = async (path) => (await api("GET", `${HOME}${path}`)).results[0].id;
  const attempt = async (webhook, success) =>
    `/webhooks/${webhook}/attempts/${await newest(`/webhooks/${webhook}/attempts/?success=${success}`)}/`;
  const notification = await newest("/notifications/");
  const token = await newest("/tokens/");
  return {
    webhooks: "/webhooks/",
    "webhook-well": `/webhooks/${accounting}/`,
    "webhook-unsteady": `/webhooks/${crm}/`,
    "webhook-failing": `/webhooks/${gate}/`,
    "webhook-off": `/webhooks/${old}/`,
    "webhook-unused": `/webhooks/${badges}/`,
    deliveries: `/webhooks/${gate}/deliveries/`,
    "deliveries-waiting": `/webhooks/${gate}/deliveries/?state=waiting`,
    "attempt-good": await attempt(accounting, true),
    "attempt-bad": await attempt(crm, false),
    "attempt-refused": await attempt(gate, false),
    log: "/attempts/",
    "log-filtered": "/attempts/?success=false",
    "form-new": "/webhooks/new/",
    "form-edit": `/webhooks/${newsletter}/edit/`,
    test: `/webhooks/${crm}/test/`,
    resend: `/webhooks/${crm}/resend/`,
    drop: `/webhooks/${gate}/drop/`,
    enable: `/webhooks/${old}/enable/`,
    disable: `/webhooks/${accounting}/disable/`,
    delete: `/webhooks/${accounting}/delete/`,
    secret: `/webhooks/${accounting}/secret/`,
    "secret-rotate": `/webhooks/${accounting}/secret/rotate/`,
    notifications: "/notifications/",
    notification: `/notifications/${notification}/`,
    replay: `/notifications/${notification}/replay/`,
    "action-types": "/action-types/",
    "action-type": "/action-types/pretix.event.checkin/",
    "action-type-own": "/action-types/shop.parcel.sent/",
    "action-type-new": "/action-types/new/",
    "action-type-edit": "/action-types/shop.parcel.sent/edit/",
    "action-type-delete": "/action-types/shop.parcel.sent/delete/",
    tokens: "/tokens/",
    token: `/tokens/${token}/`,
    "token-deactivate": `/tokens/${token}/deactivate/`,
    users: "/users/",
    user: "/users/1/",
    settings: "/settings/",
    events: "/settings/events/",
    event: "/settings/events/jazz/",
    "event-delete": "/settings/events/jazz/delete/",
    audit: "/audit/",
  };
}
