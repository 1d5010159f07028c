// The other end of webhooks: it keeps what it is sent, and answers what a test has written down for it.
import { createServer } from "node:http";

const good = { status: 200, headers: { "Content-Type": "text/plain" }, body: "thank you\n", delay: 0 };

export class Receiver {
  requests = [];
  #answer = good;
  #waiting = [];
  #server;

  static async start(t) {
    const receiver = new Receiver();
    await receiver.listen();
    t.after(() => receiver.refuse());
    return receiver;
  }

  get host() {
    return `127.0.0.1:${this.port}`;
  }

  // From now on it answers so: status, headers, body, delay in milliseconds; or for each request by a function.
  answers(answer) {
    this.#answer = answer;
  }

  recovers() {
    this.#answer = good;
  }

  listen() {
    this.#server = createServer((request, response) => this.#take(request, response));
    return new Promise((listening) => {
      this.#server.listen(this.port ?? 0, "127.0.0.1", () => {
        this.port = this.#server.address().port;
        listening();
      });
    });
  }

  // Refuses connections until it listens again.
  async refuse() {
    if (!this.#server.listening) return;
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  // The first request for which `wanted` holds, also of those that came before.
  request(wanted) {
    const found = this.requests.find(wanted);
    if (found) return Promise.resolve(found);
    return new Promise((done) => this.#waiting.push({ wanted, done }));
  }

  #take(request, response) {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const taken = { path: request.url, headers: request.headers, body: JSON.parse(Buffer.concat(pieces).toString()) };
      this.requests.push(taken);
      this.#waiting = this.#waiting.filter(({ wanted, done }) => {
        if (wanted(taken)) done(taken);
        return !wanted(taken);
      });
      const { status, headers, body, delay } = { ...good, ...this.#answered(taken) };
      setTimeout(() => response.writeHead(status, headers).end(body), delay);
    });
  }

  #answered(taken) {
    return typeof this.#answer === "function" ? this.#answer(taken) : this.#answer;
  }
}
