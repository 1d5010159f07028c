// A mail server that takes everything and keeps it, so that a test can read what somebody was sent.
import { createServer } from "node:net";
import { createInterface } from "node:readline";

export class Mailbox {
  #mails = [];
  #waiting = [];
  #server = createServer((socket) => this.#talk(socket));

  static async open(t) {
    const mailbox = new Mailbox();
    t.after(() => mailbox.#server.close());
    await new Promise((listening) => mailbox.#server.listen(0, "127.0.0.1", listening));
    mailbox.port = mailbox.#server.address().port;
    return mailbox;
  }

  // For the server, to send its mail here.
  get settings() {
    return { mail_host: "127.0.0.1", mail_port: this.port, mail_tls: "none", mail_from: "sonnette@example.org" };
  }

  // The next mail to this address; each is read once.
  async to(address) {
    for (;;) {
      const found = this.#mails.findIndex((mail) => mail.to.includes(address));
      if (found >= 0) return this.#mails.splice(found, 1)[0];
      await new Promise((done) => this.#waiting.push(done));
    }
  }

  #talk(socket) {
    let mail = { to: [] };
    let lines; // of the mail's text, while it comes
    socket.on("error", () => {});
    socket.write("220 mailbox\r\n");
    createInterface({ input: socket, crlfDelay: Infinity }).on("line", (line) => {
      if (lines && line !== ".") return lines.push(line.replace(/^\./, ""));
      if (lines) {
        this.#keep({ ...mail, ...read(lines.join("\n")) });
        [mail, lines] = [{ to: [] }, undefined];
        return socket.write("250 kept\r\n");
      }
      const [verb] = line.toUpperCase().split(/[ :]/);
      if (verb === "RCPT") mail.to.push(/<(.*)>/.exec(line)[1]);
      if (verb === "DATA") lines = [];
      socket.write({ DATA: "354 go on\r\n", QUIT: "221 bye\r\n", EHLO: "250-mailbox\r\n250 8BITMIME\r\n" }[verb] ?? "250 well\r\n");
      if (verb === "QUIT") socket.end();
    });
  }

  #keep(mail) {
    this.#mails.push(mail);
    for (const done of this.#waiting.splice(0)) done();
  }
}

// Subject and plain text of a mail.
function read(source) {
  const [head, body] = parted(source);
  const boundary = /boundary="?([^";\n]+)/i.exec(head)?.[1];
  if (boundary) {
    const parts = body.split(`--${boundary}`).map((part) => read(part.trimStart()));
    const plain = parts.find((part) => /text\/plain/i.test(part.head));
    return { head, subject: subject(head), text: plain?.text ?? "" };
  }
  return { head, subject: subject(head), text: decoded(head, body) };
}

function parted(source) {
  const end = source.indexOf("\n\n");
  return [source.slice(0, end).replace(/\n[ \t]+/g, " "), source.slice(end + 2)];
}

function subject(head) {
  const text = /^subject: (.*)$/im.exec(head)?.[1] ?? "";
  return text
    .replace(/\?= =\?/g, "?==?")
    .replace(/=\?utf-8\?b\?([^?]*)\?=/gi, (_, word) => Buffer.from(word, "base64").toString());
}

function decoded(head, body) {
  const how = /^content-transfer-encoding: (\S+)/im.exec(head)?.[1].toLowerCase();
  if (how === "base64") return Buffer.from(body, "base64").toString();
  if (how !== "quoted-printable") return body;
  const bytes = body
    .replace(/=\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
  return Buffer.from(bytes, "latin1").toString();
}
