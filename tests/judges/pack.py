"""Packs a tree with Python's tarfile, which streamLayeredImage uses.

    pack.py FORMAT UID GID DIRECTORY [XATTR=VALUE...] > TAR

The extended attributes go into the header of every member.
"""

import sys
import tarfile

FORMATS = {
    "gnu": tarfile.GNU_FORMAT,
    "pax": tarfile.PAX_FORMAT,
    "ustar": tarfile.USTAR_FORMAT,
}

form, uid, gid, directory, *xattrs = sys.argv[1:]


def change(member):
    member.uid, member.gid = int(uid), int(gid)
    for xattr in xattrs:
        name, value = xattr.split("=", 1)
        member.pax_headers["SCHILY.xattr." + name] = value
    return member


with tarfile.open(
    fileobj=sys.stdout.buffer, mode="w|", format=FORMATS[form], encoding="utf-8"
) as tar:
    tar.add(directory, arcname=".", filter=change)
