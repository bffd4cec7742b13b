"""Encodes headers with Python's tarfile, as streamLayeredImage does.

    pax_headers.py < JSON > HEADERS

JSON is a list of objects with the fields of a TarInfo; text is in hexadecimal digits.
"""

import json
import os
import sys
import tarfile

TEXTS = ["name", "linkname", "uname", "gname"]

for fields in json.load(sys.stdin):
    member = tarfile.TarInfo()
    for field, value in fields.items():
        if field in TEXTS:
            value = os.fsdecode(bytes.fromhex(value))
        elif field == "type":
            value = value.encode()
        setattr(member, field, value)
    sys.stdout.buffer.write(member.tobuf(tarfile.PAX_FORMAT, encoding="utf-8"))
