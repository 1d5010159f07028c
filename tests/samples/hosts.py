"""How the sample of each language is built and started."""

import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SAMPLES = ROOT / "crates/sonnette-server/src/dashboard/samples"
PATIENCE = 60


def python(sample, _scratch):
    return [sys.executable, "-B", HERE / "django_host.py", sample, "{PORT}"]


def javascript(sample, _scratch):
    return ["node", sample]


def php(sample, _scratch):
    return ["php", "-S", "127.0.0.1:{PORT}", sample]


def ruby(sample, _scratch):
    return ["ruby", HERE / "rails_host.rb", sample, "{PORT}"]


def go(sample, scratch):
    build(["go", "build", "-o", "receiver", sample], scratch, GOCACHE=str(scratch / "cache"), GOPROXY="off")
    return [scratch / "receiver"]


def rust(sample, scratch):
    """A crate of its own, with the dependencies that the sample's first comment asks for, in the workspace's versions."""
    lines = re.findall(r"^// {5}(.+)$", sample.read_text(), re.MULTILINE)
    manifest = ["[workspace]", "[package]", 'name = "receiver"', 'edition = "2024"']
    manifest += ["[[bin]]", 'name = "receiver"', f'path = "{sample}"', *lines]
    (scratch / "Cargo.toml").write_text("\n".join(manifest) + "\n")
    shutil.copy(ROOT / "Cargo.lock", scratch)
    build(["cargo", "build", "--quiet", "--target-dir", scratch / "target"], scratch)
    return [scratch / "target/debug/receiver"]


def java(sample, _scratch):
    return ["java", sample]


def csharp(sample, scratch):
    if not shutil.which("dotnet"):
        raise NotHere("no .NET SDK in the system's packages")
    version = subprocess.run(["dotnet", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    (scratch / "receiver.csproj").write_text(
        '<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><ImplicitUsings>enable</ImplicitUsings>'
        f"<TargetFramework>net{version.split('.')[0]}.0</TargetFramework></PropertyGroup></Project>\n"
    )
    shutil.copy(sample, scratch / "Program.cs")
    build(["dotnet", "build", "--nologo", "--verbosity", "quiet", "--output", "built"], scratch)
    return ["dotnet", scratch / "built/receiver.dll", "--urls", "http://127.0.0.1:{PORT}"]


class NotHere(Exception):
    """The language is not on this machine, and the system's packages do not have it."""


LANGUAGES = {
    "python.py": python,
    "javascript.mjs": javascript,
    "receiver.php": php,
    "ruby.rb": ruby,
    "go.go": go,
    "rust.rs": rust,
    "Receiver.java": java,
    "csharp.cs": csharp,
}


def surroundings(**more):
    """The variables of this program, without settings of a Sonnette that may run here."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SONNETTE_")}
    return ours | more


def build(command, scratch, **variables):
    subprocess.run(command, cwd=scratch, env=surroundings(**variables), check=True)


# Below those that the system gives to connections, one of which could be quicker than the sample.
ports = itertools.count(20_000 + os.getpid() % 10_000)


def free_port():
    """A port that nobody has, and that nobody gets by chance before the sample takes it."""
    for port in ports:
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Host:
    """A sample that runs: its port, and what it prints."""

    def __init__(self, name, command, scratch, port, secret):
        self.name = name
        self.port = port
        self.printed = []
        self.received = Queue()
        command = [str(word).replace("{PORT}", str(port)) for word in command]
        variables = surroundings(PORT=str(port), SONNETTE_SECRET=secret, TMPDIR=str(scratch))
        self.program = subprocess.Popen(
            command, cwd=scratch, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        # Apart: what a host says of a request may come in the middle of the sample's own line.
        streams = (self.program.stdout, self.program.stderr)
        self.readers = [threading.Thread(target=self.read, args=[stream]) for stream in streams]
        for reader in self.readers:
            reader.start()

    def read(self, stream):
        for line in stream:
            self.printed.append(line)
            if found := re.search(r"\breceived (\S+)", line):
                self.received.put(found[1])

    def listens(self):
        """Waits until the sample takes connections (true) or has ended (false)."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.program.poll() is not None:
                return False
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise AssertionError(f"{self.name}: no connection within {PATIENCE} s")

    def next_received(self):
        """What the sample says that it works on next."""
        try:
            return self.received.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"{self.name}: printed nothing within {PATIENCE} s") from None

    def stop(self):
        self.program.kill()
        self.program.wait()
        for reader in self.readers:
            reader.join()
