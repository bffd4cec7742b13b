"""What the test runners of this folder's neighbours share: lines of outcomes, and real Nix."""

import difflib
import json
import os
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
REPOSITORY = TESTS.parent

# A flake is copied before it is evaluated, so it does not find the program beside itself.
BUILDER = REPOSITORY / f"target/{os.uname().machine}-unknown-linux-gnu/release/builder"

# No path of this machine may be in the sandbox, and no build may leave it unasked. Nix forbids the
# setuid bits that a script in an image may well set, unless its filter is off. Builds in a VM ask
# for kvm and do without it.
NIX_CONFIG = """
substituters =
sandbox = true
sandbox-fallback = false
sandbox-paths =
filter-syscalls = false
build-users-group =
system-features = kvm
experimental-features = nix-command flakes
"""


# How much of what is wrong with a test is shown.
LINES_SHOWN = 30


class Failure(Exception):
    """A test found something wrong; the arguments are lines that say what."""


def end(kind, value, trace):
    """Shows a failure outside of any test as the lines it has."""
    if kind is Failure:
        print("error: " + "\n       ".join(map(str, value.args)), file=sys.stderr)
    else:
        sys.__excepthook__(kind, value, trace)


sys.excepthook = end


class Suite:
    """Prints a line for each test and counts them; `finish` ends the program."""

    def __init__(self):
        self.word = sys.argv[1] if len(sys.argv) > 1 else ""
        self.passed = self.failed = 0

    def wants(self, name):
        """Whether the word on the command line, if there is one, asks for this test."""
        return self.word in name

    def report(self, name, complaints=()):
        print(f"{'FAIL' if complaints else 'ok  '} {name}", flush=True)
        for line in complaints[:LINES_SHOWN]:
            print(f"       {line}")
        if len(complaints) > LINES_SHOWN:
            print(f"       and {len(complaints) - LINES_SHOWN} lines more")
        self.failed += bool(complaints)
        self.passed += not complaints

    def run(self, tests):
        """Runs functions, several at a time, and reports them in the order given.

        `tests` are pairs of a name and a function that raises `Failure` if something is wrong.
        """
        chosen = [(name, test) for name, test in tests if self.wants(name)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = pool.map(lambda named: complaints(named[1]), chosen)
            for (name, _test), wrong in zip(chosen, outcomes):
                self.report(name, wrong)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)


def complaints(test):
    """What is wrong according to `test`, as lines."""
    try:
        test()
    except Failure as failure:
        return [line for said in failure.args for line in str(said).splitlines()] or ["it fails"]
    except Exception:  # A test that breaks has failed, and the others go on.
        return traceback.format_exc().splitlines()
    return []


def check(right, *lines):
    """Raises `Failure` with the lines unless `right`."""
    if not right:
        raise Failure(*lines)


def same(what, expected, got):
    """Raises `Failure` with the difference unless both are equal."""
    if expected == got:
        return
    lines = [value.splitlines() if isinstance(value, str) else value for value in (expected, got)]
    if all(isinstance(value, list) and len(value) > 1 for value in lines):
        changed = difflib.unified_diff(*([str(line) for line in value] for value in lines), "expected", "got", lineterm="")
        raise Failure(f"{what} differs", *changed)
    raise Failure(f"{what} differs", f"expected {expected}", f"     got {got}")


def run(*command, **options):
    """Runs a program; its output is text unless `text=False` is asked for."""
    options = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL} | options
    return subprocess.run([str(word) for word in command], **options)


def output(*command, **options):
    """What a program prints, which has to succeed."""
    done = run(*command, **options)
    if done.returncode:
        stderr = done.stderr if isinstance(done.stderr, str) else done.stderr.decode(errors="replace")
        said = " ".join(" ".join(map(str, command)).split())
        raise Failure(f"{said[:200]}: exit status {done.returncode}", *stderr.splitlines()[-20:])
    return done.stdout


def verified(image):
    """The image, a path or the bytes of one, if `builder verify` finds nothing wrong with it."""
    status, lines = verify_image(image)
    check(status == 0, "`builder verify` ends with status", status, *lines)
    return image


def consistent(image):
    """The same if it contradicts itself nowhere, though some engine may refuse it, as for zstd in an archive."""
    status, lines = verify_image(image)
    is_consistent = status == 0 or "is consistent, but not for every engine" in lines[0]
    check(is_consistent, "`builder verify` ends with status", status, *lines)
    return image


def verify_image(image):
    """The exit status of `builder verify`, and what it says."""
    options = {"input": image, "stdin": None, "text": False} if isinstance(image, bytes) else {}
    done = run(BUILDER, "verify", "-" if options else image, **options)
    said = done.stdout.decode() if options else done.stdout
    return done.returncode, said.splitlines()


def nix_environment():
    """The environment for Nix: nothing of the machine's settings reaches a build."""
    return {"NIX_IMAGE_BUILDER_BINARY": str(BUILDER)} | os.environ | {"NIX_CONFIG": NIX_CONFIG}


def evaluate(expression):
    """The value of a Nix expression; derivations in it are in the store afterwards."""
    command = ["nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode", "--expr", expression]
    return json.loads(output(*command, env=nix_environment()))


def realise(*derivations):
    """Builds derivations; gives what Nix did."""
    return run("nix-store", "--realise", *derivations, env=nix_environment())


def build(derivation):
    """Builds a derivation; gives its output path."""
    done = realise(derivation)
    check(done.returncode == 0, *done.stderr.splitlines()[-20:])
    return done.stdout.strip()


def import_fixtures():
    """Puts the store paths of tests/golden into the store, unless they are there."""
    golden = TESTS / "golden"
    paths = [line.split('"')[1] for line in (golden / "fixtures.nix").read_text().splitlines() if '"' in line]
    if run("nix-store", "--check-validity", *paths, env=nix_environment()).returncode:
        with open(golden / "fixtures.export", "rb") as export:
            output("nix-store", "--import", env=nix_environment(), stdin=export)
    return paths
