"""What the benchmarks share: a closure made of this machine's own files, and how a command is measured."""

import hashlib
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

BUILT = Path(__file__).resolve().parent.parent / "target/x86_64-unknown-linux-gnu/release"
SOURCES = ["/usr/lib", "/usr/bin", "/usr/share", "/usr/local"]


def store_path(store, name):
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return store / f"{digest}-{name}"


def host_files():
    """Regular files of this machine in a fixed order, none so large that it makes a path alone."""
    for source in SOURCES:
        for directory, directories, files in os.walk(source):
            directories.sort()
            for name in sorted(files):
                path = Path(directory, name)
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and 0 < status.st_size < 20_000_000:
                    yield path, status.st_size


def make_closure(store, megabytes, count):
    """`count` store paths of equal size, `megabytes` in all."""
    wanted = megabytes * 1_000_000 // count
    files = host_files()
    paths = []
    for number in range(count):
        root = store_path(store, f"bench-{number}")
        size = 0
        while size < wanted:
            path, length = next(files)
            to = root / path.relative_to("/usr")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
            to.chmod(0o555 if os.access(path, os.X_OK) else 0o444)
            os.utime(to, (1, 1))
            size += length
        paths.append(root)
    return paths


def run(command, directory, environment=None):
    """Seconds, peak memory in MB, MB written; of the command and all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(errors.decode(errors="replace"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, usage.ru_maxrss / 1024, (after.ru_oublock - before.ru_oublock) * 512 / 1e6
