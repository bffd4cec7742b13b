"""Packs a directory with Python's tarfile, as streamLayeredImage packs a store path.

    pax_layer.py DIRECTORY MTIME UID GID UNAME GNAME > TAR

Names in the tar are absolute; files with several names are packed several times.
"""

import os
import sys
import tarfile
from pathlib import Path

directory, mtime, uid, gid, uname, gname = sys.argv[1:]


def below(directory):
    # Before Python 3.13, `rglob` fails at links whose target is too long.
    for parent, directories, files in os.walk(directory):
        for name in directories + files:
            yield Path(parent, name)


with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", encoding="utf-8") as tar:
    for path in sorted([Path(directory), *below(directory)]):
        member = tar.gettarinfo(path)
        member.name = "/" + member.name
        if member.islnk():
            member.type, member.linkname = tarfile.REGTYPE, ""
            member.size = path.stat().st_size
        member.mtime = int(mtime)
        member.uid, member.gid = int(uid), int(gid)
        member.uname, member.gname = uname, gname
        if member.isreg():
            with open(path, "rb") as content:
                tar.addfile(member, content)
        else:
            tar.addfile(member)
