"""Copies a closure as the root of an image whose store paths have other names.

usage: move-store.py PACKAGE CLOSURE ROOT

CLOSURE is a file with the store paths, a line each; PACKAGE is the one whose programs are to be in /bin. Nix allows no
store path of this machine in what has a fixed hash, as a pulled image has. An image of somebody else
has none, so in this one each hash is written backwards, everywhere.
"""

import os
import re
import shutil
import stat
import sys
from pathlib import Path

package, closure, root = sys.argv[1:]
paths = Path(closure).read_text().split()
HASHES = re.compile(b"|".join(Path(path).name[:32].encode() for path in paths))


def moved(text):
    return os.fsdecode(HASHES.sub(lambda found: found[0][::-1], os.fsencode(text)))


def move(source, target):
    """Copies what is at `source` to `target`, and all below it."""
    kind = os.lstat(source).st_mode
    if stat.S_ISLNK(kind):
        os.symlink(moved(os.readlink(source)), target)
    elif stat.S_ISDIR(kind):
        os.makedirs(target)
        for name in os.listdir(source):
            move(f"{source}/{name}", f"{target}/{name}")
    else:
        data = Path(source).read_bytes()
        Path(target).write_bytes(HASHES.sub(lambda found: found[0][::-1], data))
        shutil.copymode(source, target)


for path in paths:
    move(path, root + moved(path))
os.makedirs(f"{root}/bin")
for name in os.listdir(f"{package}/bin"):
    os.symlink(f"{moved(package)}/bin/{name}", f"{root}/bin/{name}")
