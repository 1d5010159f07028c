// A receiver of webhooks for Node 18 or later; there is nothing to install.
//
//     node javascript.mjs
//
// SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from((process.env.SONNETTE_SECRET ?? "").replace(/^whsec_/, ""), "base64");
if (key.length === 0) throw new Error("SONNETTE_SECRET is not set");

// Lost when the process ends: in production, use a table with a unique column, and write to it in the
// transaction that does the work.
const seen = new Set();

function work(notification) {
  // The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
  console.log("received", notification.action ?? notification.type ?? notification.event);
}

function verified(headers, body) {
  const timestamp = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const hmac = createHmac("sha256", key).update(`${headers["webhook-id"]}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
  // After a change of the secret there are two signatures for a day. Either will do.
  return (headers["webhook-signature"] ?? "").split(" ").some((entry) => {
    const signature = Buffer.from(entry);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

async function receive(request, response) {
  // The bytes as they came: JSON that was parsed and written again has another signature.
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    pieces.push(piece);
    size += piece.length;
    if (size > 1_000_000) return response.writeHead(413).end();
  }
  const body = Buffer.concat(pieces);
  if (!verified(request.headers, body)) return response.writeHead(401).end();
  // Whatever is sent again comes with the same webhook-id.
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    work(JSON.parse(body));
    seen.add(id);
  }
  response.writeHead(200).end();
}

createServer((request, response) => {
  receive(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
