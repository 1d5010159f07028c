// A place of its own for each file of tests: a directory, commands run in it, and a server as people start it.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program = process.env.SONNETTE;

export class Sonnette {
  #directory = mkdtempSync(join(tmpdir(), "sonnette-browser-"));
  #variables = { PATH: process.env.PATH };
  #child;

  // Gone when the test ends. Commands and server are given the same settings, by their names in the configuration file.
  static async place(t, settings = {}) {
    const place = new Sonnette();
    t.after(() => place.#end());
    const listen = `127.0.0.1:${await freePort()}`;
    place.url = `http://${listen}`;
    const all = { data_dir: "data", listen, allow_target: "127.0.0.0/8", ...settings };
    for (const [key, value] of Object.entries(all)) place.#variables[`SONNETTE_${key.toUpperCase()}`] = `${value}`;
    await place.run(["migrate"]);
    return place;
  }

  get store() {
    return join(this.#directory, "data", "sonnette.db");
  }

  // Runs a command; what it printed.
  run(args, input = "") {
    return feed(program, args, { cwd: this.#directory, env: this.#variables }, input);
  }

  // Statements on the store, while no server runs; what they found.
  async sql(statements) {
    const found = await feed("sqlite3", ["-bail", "-json", "-cmd", ".timeout 10000", this.store], {}, statements);
    return found && JSON.parse(found);
  }

  async start() {
    this.#child = spawn(program, ["serve"], {
      cwd: this.#directory,
      env: this.#variables,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const child = this.#child;
    process.once("exit", () => child.kill("SIGKILL"));
    const lines = createInterface({ input: child.stderr });
    this.log = [];
    await new Promise((listening, failed) => {
      lines.on("line", (line) => {
        this.log.push(line);
        if (line.includes("listening on http://")) listening();
      });
      child.once("exit", () => failed(new Error(`the server ended:\n${this.log.join("\n")}`)));
    });
  }

  async stop() {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
  }

  async #end() {
    await this.stop();
    rmSync(this.#directory, { recursive: true });
  }

  // A client of the REST API.
  api(token) {
    return async (method, path, body) => {
      const response = await fetch(`${this.url}/api/v1${path}`, {
        method,
        headers: { Authorization: `Token ${token}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text && JSON.parse(text);
    };
  }
}

function feed(command, args, options, input) {
  return new Promise((done, failed) => {
    const child = execFile(command, args, options, (error, out, err) =>
      error ? failed(new Error(`${command} ${args.join(" ")}: ${err || error.message}`)) : done(out.trim()),
    );
    // A command that reads nothing may have closed its end.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
