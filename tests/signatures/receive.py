"""A receiver that verifies with the published Python library of Standard Webhooks.

Prints its port; reads the secret from standard input; prints a line for each request.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


def judge(webhook, headers, body):
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError as error:
        return f"refused: {error}"
    try:
        webhook.verify(body + b" ", headers)
    except WebhookVerificationError:
        return "verified"
    return "refused: a changed body passes as well"


class Receive(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        verdict = judge(self.server.webhook, headers, body)
        print(verdict, flush=True)
        self.send_response(200 if verdict == "verified" else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receive)
print(server.server_port, flush=True)
server.webhook = Webhook(sys.stdin.readline().strip())
print("ready", flush=True)
server.serve_forever()
