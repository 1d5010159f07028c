"""Restores a backup while samples that remember what they have seen go on running: each fact is worked on once.

usage: check_restore.py SONNETTE SCRATCH-DIRECTORY
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from check import Sample, Server, prepare

SAMPLE_FILES = ("python.py", "javascript.mjs")
FACTS = [f"story.fact{number}" for number in range(1, 8)]


def publish(server, *facts):
    """The ids of the notifications."""
    contents = [{"action_type": fact, "data": {}} for fact in facts]
    return [each["notification_id"] for each in server.call("POST", "notifications/", contents)]


def check_restore(server, samples, backup):
    for fact in FACTS:
        server.call("POST", "action_types/", {"action_type": fact})
    for sample in samples:
        # A wildcard is found among the action types that are there now.
        server.call("PATCH", f"webhooks/{sample.webhook}/", {"action_types": ["story.*"]})
    publish(server, *FACTS[:2])
    for sample in samples:
        sample.works_on_any(*FACTS[:2])

    # The third fact waits while the backup is made, and arrives afterwards.
    for sample in samples:
        os.kill(sample.host.program.pid, signal.SIGSTOP)
    third = publish(server, FACTS[2])[0]
    server.run("backup", str(backup))
    for sample in samples:
        os.kill(sample.host.program.pid, signal.SIGCONT)
    lost = publish(server, *FACTS[3:5])
    for sample in samples:
        for notification in (third, *lost):
            server.attempts(sample.webhook, notification, 1)
        sample.works_on_any(*FACTS[2:5])

    server.stop()
    print(server.run("restore", str(backup)), end="")
    server.start()
    new = publish(server, *FACTS[5:])
    assert min(new) > max(lost), f"{new} after {lost}"
    for sample in samples:
        # The third fact was sent again, and the sample has answered that it knows it.
        codes = [each["return_code"] for each in server.attempts(sample.webhook, third, 1)]
        assert codes == [200], f"{sample.host.name}: the third fact is answered {codes}"
        for notification in new:
            server.attempts(sample.webhook, notification, 1)
        sample.works_on_any(*FACTS[5:])


class RememberingSample(Sample):
    """A sample, and what it has worked on."""

    def works_on_any(self, *expected):
        """Exactly these, in any order; a last request shows that nothing else was."""
        body = b'{"type":"sample.last"}'
        assert self.send(self.signed(f"last-{time.monotonic_ns()}", body), body) == 200
        received = [self.host.next_received() for _ in range(len(expected) + 1)]
        assert sorted(received) == sorted([*expected, "sample.last"]), f"{self.host.name} works on {received}"


def main(sonnette, scratch):
    scratch = Path(scratch).resolve()
    with tempfile.TemporaryDirectory() as directory:
        server = Server(sonnette, str(Path(directory) / "data"))
        samples = []
        try:
            for file in SAMPLE_FILES:
                own = Path(directory) / file
                own.mkdir()
                samples.append(RememberingSample(server, file, prepare(file, scratch / file), own))
            check_restore(server, samples, Path(directory) / "backup.db")
        finally:
            server.stop()
            for sample in samples:
                sample.host.stop()
    print(f"{', '.join(SAMPLE_FILES)}: {len(FACTS)} facts before and after a restore, each worked on once")


if __name__ == "__main__":
    main(*sys.argv[1:])
