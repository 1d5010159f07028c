"""Runs the samples that the dashboard offers, and sends them what a receiver can meet.

usage: check.py SONNETTE SCRATCH-DIRECTORY
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hosts import LANGUAGES, PATIENCE, SAMPLES, Host, NotHere, free_port, surroundings

ACTION_TYPE = "pretix.event.order.placed"
PATH = "/webhooks/"


def request(port, method, path, headers, body):
    """The status and the body of an answer; 0 if the connection ended without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (http.client.HTTPException, OSError):
        return 0, b""
    finally:
        connection.close()


class Server:
    """`sonnette serve`, with an organizer."""

    def __init__(self, sonnette, directory):
        self.sonnette = sonnette
        self.variables = surroundings(SONNETTE_DATA_DIR=directory)
        self.run("migrate")
        self.run("organizer", "create", "bigevents")
        self.token = self.run("token", "create", "--operator").strip()
        self.start()

    def start(self):
        self.program = subprocess.Popen(
            [self.sonnette, "serve", "--listen", "127.0.0.1:0", "--allow-target", "127.0.0.0/8"],
            env=self.variables,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.program.stderr:
            if found := re.search(r"listening on http://127\.0\.0\.1:([0-9]+)", line):
                self.port = int(found[1])
                break
        else:
            sys.exit("the server did not start")
        self.reader = threading.Thread(target=self.program.stderr.read)
        self.reader.start()

    def run(self, *arguments):
        command = [self.sonnette, *arguments]
        return subprocess.run(command, env=self.variables, check=True, stdout=subprocess.PIPE, text=True).stdout

    def call(self, method, path, content=None):
        body = None if content is None else json.dumps(content)
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        status, text = request(self.port, method, f"/api/v1/organizers/bigevents/{path}", headers, body)
        assert status in (200, 201), f"{method} {path}: {status} {text}"
        return json.loads(text)

    def publish(self):
        content = {"action_type": ACTION_TYPE, "event": "democon", "data": {"code": "T0CHT"}}
        return self.call("POST", "notifications/", content)

    def attempts(self, webhook, notification, count):
        """Waits until a notification was tried this often at a webhook."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            path = f"webhooks/{webhook}/attempts/?notification_id={notification}"
            tried = self.call("GET", path)["results"]
            if len(tried) >= count:
                return tried
            time.sleep(0.05)
        raise AssertionError(f"not {count} attempts within {PATIENCE} s")

    def stop(self):
        self.program.terminate()
        self.program.wait()
        self.reader.join()


class Sample:
    """A sample that runs, and the webhook that rings it."""

    def __init__(self, server, file, command, scratch):
        self.server = server
        port = free_port()
        target_url = f"http://127.0.0.1:{port}{PATH}"
        settings = {"target_url": target_url, "all_events": True, "limit_events": [], "action_types": [ACTION_TYPE]}
        self.webhook = server.call("POST", "webhooks/", settings)["id"]
        self.secret = server.call("GET", f"webhooks/{self.webhook}/secret/")["secret"]
        self.host = Host(file, command, scratch, port, self.secret)
        if not self.host.listens():
            self.host.stop()
            raise AssertionError("ended\n" + "".join(self.host.printed))

    def send(self, headers, body):
        return request(self.host.port, "POST", PATH, {"Content-Type": "application/json"} | headers, body)[0]

    def signed(self, identifier, body, seconds=0):
        return signed(self.secret, identifier, body, seconds)

    def works_on(self, *expected):
        """Exactly these, in this order; a last request shows that nothing else was."""
        body = b'{"type":"sample.last"}'
        assert self.send(self.signed(f"last-{time.monotonic_ns()}", body), body) == 200
        for name in (*expected, "sample.last"):
            received = self.host.next_received()
            assert received == name, f"works on {received} instead of {name}"


def signed(secret, identifier, body, seconds=0):
    """Headers as the server makes them, so many seconds from now."""
    timestamp = str(int(time.time()) + seconds)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256)
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": identifier, "webhook-timestamp": timestamp, "webhook-signature": signature}


def check_test_button(sample):
    attempt = sample.server.call("POST", f"webhooks/{sample.webhook}/test/")
    assert attempt["return_code"] == 200, f"the test is answered {attempt['return_code']}"
    sample.works_on(ACTION_TYPE)


def check_delivery(sample, notification):
    tried = sample.server.attempts(sample.webhook, notification, 1)
    assert [each["return_code"] for each in tried] == [200], "a notification is not taken"
    sample.works_on(ACTION_TYPE)


def check_repeated(sample, notification):
    found = sample.server.call("GET", f"webhooks/{sample.webhook}/deliveries/")["results"]
    delivery = next(each["id"] for each in found if each["notification_id"] == notification)
    sample.server.call("POST", f"webhooks/{sample.webhook}/deliveries/{delivery}/retry/")
    tried = sample.server.attempts(sample.webhook, notification, 2)
    assert [each["return_code"] for each in tried] == [200, 200], "what was seen is not answered 200"
    sample.works_on()


def check_refused(sample):
    body = b'{"type":"sample.forged"}'
    good = sample.signed("forged", body)
    signature = good["webhook-signature"]
    other = signature[:-2] + ("A=" if signature[-2] != "A" else "B=")
    bad = {
        "another body": (good, body.replace(b"forged", b"Forged")),
        "another space": (good, body + b" "),
        "another id": (good | {"webhook-id": "other"}, body),
        "another signature": (good | {"webhook-signature": other}, body),
        "another version": (good | {"webhook-signature": signature.replace("v1,", "v1a,")}, body),
        "no version": (good | {"webhook-signature": signature.removeprefix("v1,")}, body),
        "a shorter signature": (good | {"webhook-signature": signature[:-8]}, body),
        "an empty signature": (good | {"webhook-signature": "v1,"}, body),
        "letters that are not ASCII": (good | {"webhook-signature": "v1,\xe9\xff"}, body),
        "too old": (sample.signed("forged", body, -400), body),
        "too new": (sample.signed("forged", body, 400), body),
        "nothing at all": ({}, body),
        "no body": (good, b""),
    }
    for timestamp in ("", "soon", "-1", "nan", "inf", "1e400", "9" * 20, "9" * 5000):
        bad[f"a timestamp {timestamp[:20]}"] = (good | {"webhook-timestamp": timestamp}, body)
    for name in good:
        bad[f"no {name}"] = ({each: good[each] for each in good if each != name}, body)
    for what, (headers, content) in bad.items():
        status = sample.send(headers, content)
        assert status == 401, f"{what} is answered {status}"
    # Some hosts end the connection in the middle of it.
    large = b'{"type":"sample.large","data":"' + b"x" * 3_000_000 + b'"}'
    status = sample.send(sample.signed("large", large), large)
    assert status in (0, 400, 401, 413), f"3 MB are answered {status}"
    # The id of a forged request is not remembered.
    assert sample.send(good, body) == 200, "what is signed well is not taken"
    sample.works_on("sample.forged")


def check_accepted(sample):
    body = '{ "data": {"name": "Zo\u00e9 \\u00e9 \U0001f514"},\r\n  "type" : "sample.raw" }\n'.encode()
    good = sample.signed("raw", body)
    shouted = {name.upper(): value for name, value in good.items()}
    assert sample.send(shouted, body) == 200, "names of headers in capitals are refused"
    sample.works_on("sample.raw")
    body = b'{"event":"updated","resource_type":"project"}'
    good = sample.signed("several", body)
    several = "v1a,AAAA v1,AAAA " + good["webhook-signature"] + " v2,AAAA"
    assert sample.send(good | {"webhook-signature": several}, body) == 200, "one of several signatures is not found"
    sample.works_on("updated")
    # Whoever cannot work on it says so, and does not remember it.
    body = b"no JSON at all"
    # (Java has no parser of JSON, so its sample only looks for a word.)
    expected = (200,) if sample.host.name == "Receiver.java" else (400, 500)
    for _ in range(2):
        status = sample.send(sample.signed("broken", body), body)
        assert status in expected, f"no JSON is answered {status}"
    sample.works_on()


def check_rotated(sample, notification):
    check_delivery(sample, notification)
    changed = sample.server.call("GET", f"webhooks/{sample.webhook}/secret/")["secret"]
    assert changed != sample.secret, "the secret is the same"


def check_without_secret(file, command, scratch):
    host = Host(file, command, scratch, free_port(), "")
    try:
        if host.listens():
            body = b'{"type":"sample.unsigned"}'
            status = request(host.port, "POST", PATH, signed("", "unsigned", body), body)[0]
            assert status in (0, 500), f"without a secret, answered {status}"
    finally:
        host.stop()


def prepare(file, scratch):
    """The command that starts a sample, once it is built."""
    scratch.mkdir(parents=True, exist_ok=True)
    return LANGUAGES[file](SAMPLES / file, scratch)


def check(server, commands):
    failed = []
    samples = []

    def attempt(name, check, *arguments):
        try:
            return check(*arguments)
        except AssertionError as error:
            failed.append(f"{name}: {error}")
            return None

    def each(check, *arguments):
        for sample in samples:
            attempt(sample.host.name, check, sample, *arguments)

    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(2) as pool:
        def start(file):
            own = Path(directory) / file
            own.mkdir()
            sample = attempt(file, Sample, server, file, commands[file], own)
            if sample:
                samples.append(sample)
            attempt(file, check_without_secret, file, commands[file], own)

        try:
            list(pool.map(start, commands))
            each(check_test_button)
            notification = server.publish()["notification_id"]
            each(check_delivery, notification)
            each(check_repeated, notification)
            each(check_refused)
            each(check_accepted)
            for sample in samples:
                server.call("POST", f"webhooks/{sample.webhook}/secret/rotate/")
            each(check_rotated, server.publish()["notification_id"])
        finally:
            for sample in samples:
                sample.host.stop()
    return failed, samples


def main(sonnette, scratch):
    scratch = Path(scratch).resolve()
    commands, absent = {}, {}

    def build(file):
        try:
            commands[file] = prepare(file, scratch / file)
        except NotHere as reason:
            absent[file] = reason

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, LANGUAGES))
    with tempfile.TemporaryDirectory() as directory:
        server = Server(sonnette, directory)
        try:
            failed, samples = check(server, commands)
        finally:
            server.stop()
    for file in LANGUAGES:
        if file in absent:
            print(f"{file}: not run: {absent[file]}")
        else:
            wrong = [line for line in failed if line.startswith(f"{file}: ")]
            print("\n".join(wrong) if wrong else f"{file}: verified, and worked on once")
            for sample in samples:
                if wrong and sample.host.name == file:
                    print("".join(sample.host.printed[-40:]))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
