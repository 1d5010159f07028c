// A receiver that verifies with the published JavaScript library of Standard Webhooks.
//
// Prints its port; reads the secret from standard input; prints a line for each request.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

let webhook;

function judge(headers, body) {
  try {
    webhook.verify(body, headers);
  } catch (error) {
    return `refused: ${error.message}`;
  }
  try {
    webhook.verify(body + " ", headers);
  } catch {
    return "verified";
  }
  return "refused: a changed body passes as well";
}

const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const verdict = judge(request.headers, Buffer.concat(pieces).toString("utf8"));
    console.log(verdict);
    response.writeHead(verdict === "verified" ? 200 : 401).end();
  });
});

createInterface({ input: process.stdin }).once("line", (secret) => {
  webhook = new Webhook(secret);
  console.log("ready");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
