"""Publishes to receivers that verify signatures with the published libraries of Standard Webhooks.

usage: check.py SONNETTE DIRECTORY-WITH-THE-NODE-RECEIVER
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PATIENCE = 30
ACTION_TYPE = "pretix.event.order.placed"


class Receiver:
    """A program that prints its port, takes a secret, and prints a verdict for each request."""

    def __init__(self, name, command):
        self.name = name
        self.program = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.port = int(self.line())

    def line(self):
        """The next line, or the end of the check: nothing here takes long."""
        timer = threading.Timer(PATIENCE, self.program.kill)
        timer.start()
        line = self.program.stdout.readline()
        timer.cancel()
        if not line:
            sys.exit(f"{self.name}: nothing came within {PATIENCE} s")
        return line.strip()

    def take(self, secret):
        self.program.stdin.write(secret + "\n")
        self.program.stdin.flush()
        assert self.line() == "ready"


def main(sonnette, node_directory):
    here = Path(__file__).parent
    receivers = [
        Receiver("Python", [sys.executable, here / "receive.py"]),
        Receiver("JavaScript", ["node", Path(node_directory) / "receive.mjs"]),
    ]
    with tempfile.TemporaryDirectory() as directory:
        environment = {"PATH": os.environ["PATH"], "SONNETTE_DATA_DIR": directory + "/data"}

        def run(*arguments):
            return subprocess.run(
                [sonnette, *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout

        run("migrate")
        run("organizer", "create", "bigevents")
        environment["SONNETTE_TOKEN"] = run("token", "create", "--operator").strip()
        server = subprocess.Popen(
            [sonnette, "serve", "--listen", "127.0.0.1:0", "--allow-target", "127.0.0.1"],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for line in server.stderr:
                if found := re.search(r"listening on (http://[0-9.:]+)", line):
                    environment["SONNETTE_URL"] = found[1]
                    break
            else:
                sys.exit("the server did not start")
            threading.Thread(target=server.stderr.read, daemon=True).start()
            for receiver in receivers:
                url = f"http://127.0.0.1:{receiver.port}/"
                made = json.loads(
                    run("webhook", "create", "bigevents", url, "--action-type", ACTION_TYPE, "--json")
                )
                receiver.take(made["secret"])
            run("publish", "bigevents", ACTION_TYPE, "--event", "democon", "--data", '{"code": "T0CHT"}')
            for receiver in receivers:
                verdict = receiver.line()
                print(f"{receiver.name}: {verdict}")
                if verdict != "verified":
                    sys.exit(1)
        finally:
            server.terminate()
            server.wait()
            for receiver in receivers:
                receiver.program.kill()


main(*sys.argv[1:])
