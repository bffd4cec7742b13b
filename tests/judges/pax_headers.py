"""Encodes headers with Python's tarfile, as streamLayeredImage does.

    pax_headers.py < JSON > HEADERS

JSON is a list of objects with the fields of a TarInfo, and `xattrs`, a list of pairs; text is in
hexadecimal digits.
"""

import json
import os
import sys
import tarfile

TEXTS = ["name", "linkname", "uname", "gname"]


def text(digits):
    return os.fsdecode(bytes.fromhex(digits))


for fields in json.load(sys.stdin):
    member = tarfile.TarInfo()
    for field, value in fields.items():
        if field == "xattrs":
            pairs = [[text(part) for part in pair] for pair in value]
            member.pax_headers = {f"SCHILY.xattr.{name}": value for name, value in pairs}
            continue
        if field in TEXTS:
            value = text(value)
        elif field == "type":
            value = value.encode()
        setattr(member, field, value)
    sys.stdout.buffer.write(member.tobuf(tarfile.PAX_FORMAT, encoding="utf-8"))
