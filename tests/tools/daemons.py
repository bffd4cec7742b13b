"""Daemons and programs in namespaces of their own, for engines that the tests ask."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from suite import Failure, check, run

TOOLS = Path(__file__).resolve().parent

# Mounts and processes of their own.
NAMESPACES = ("unshare", "--mount", "--mount-proc", "--propagation", "private", "--pid", "--fork", "--kill-child")

DEBIAN13 = (
    TOOLS / "debian13",
    *("docker.io", "docker-cli", "docker-buildx", "podman", "buildah", "oras", "stargz-snapshotter", "skopeo"),
    # For archives that are packed so; Docker recommends it.
    "xz-utils",
    "--",
)

# Seconds until a daemon or a program has to answer. Others use the machine too.
PATIENCE = 300


class Refused(Exception):
    """An engine did not do what it was told; the argument is what it said."""


def said(done):
    """What a program said of why it failed: the last line that looks like it, or the last one."""
    lines = [line.strip() for line in done.stderr.splitlines() + done.stdout.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"ctr: |error|Error|panic|.*level=fatal", line)]
    return (errors or lines or [f"exit status {done.returncode}"])[-1]


def told(*command, **options):
    """What a program prints, or `Refused` with what it says."""
    done = run(*command, timeout=PATIENCE, errors="replace", **options)
    if done.returncode:
        raise Refused(said(done))
    return done.stdout


def start(stack, command, log, answers, environment=None):
    """Starts a daemon that ends with the stack, and waits until `answers`."""
    with open(log, "w") as file:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=os.environ | (environment or {}),
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    end = time.monotonic() + PATIENCE
    while not answers():
        if process.poll() is not None or time.monotonic() > end:
            raise Failure(f"{Path(command[0]).name} does not start", *Path(log).read_text().splitlines()[-10:])
        time.sleep(0.05)
    return process


class Connection(http.client.HTTPConnection):
    """HTTP through a socket in the file system."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Api:
    """The interface that Docker and podman have for programs, which is what their command lines use too."""

    def __init__(self, path, prefix=""):
        self.path = path
        self.prefix = prefix

    def answers(self):
        try:
            self("GET", "/_ping")
            return True
        except (OSError, Refused):
            return False

    def __call__(self, method, path, body=None, kind="application/json"):
        """The answer, parsed if it is JSON; `Refused` if it says that something went wrong."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        connection = Connection(self.path)
        try:
            # A daemon that refuses an archive need not have read it to its end.
            try:
                connection.request(method, self.prefix + path, body, {"Content-Type": kind, "Connection": "close"})
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                answer = connection.getresponse()
                content = answer.read().decode(errors="replace")
            except (http.client.HTTPException, ConnectionError) as error:
                raise Refused(f"the daemon gives no answer: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(message(content) or f"status {answer.status}")
        try:
            return json.loads(content)
        except ValueError:
            return content


def message(content):
    """What a daemon says of an error, which is JSON as a rule."""
    try:
        return json.loads(content)["message"].strip()
    except (ValueError, LookupError, TypeError):
        return content.strip()


def has_overlay(directory):
    """Whether directories can lie over each other there, which is faster than to copy them."""
    places = [directory / name for name in ("lower", "upper", "work", "merged")]
    for place in places:
        place.mkdir()
    options = "lowerdir={},upperdir={},workdir={}".format(*places)
    mount = ("mount", "-t", "overlay", "overlay", "-o", options, places[-1])
    done = run("unshare", "--mount", "--propagation", "private", "--", *mount)
    for place in places:
        shutil.rmtree(place)
    return done.returncode == 0


def inside(process):
    """What runs a program within the namespaces of a process that `unshare --fork` started."""
    pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    check(len(pids) == 1, f"process {process.pid} has no child")
    return ("nsenter", "--target", pids[0], "--mount", "--pid", "--root", "--wd")
