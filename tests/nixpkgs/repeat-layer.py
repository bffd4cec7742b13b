"""Makes the two equal layers of an image archive one, as `docker save` before version 25 did.

usage: repeat-layer.py ARCHIVE RESULT

The manifest then lists HASH.tar twice, the layers' own folders have links to it, and all names
begin with `./`.
"""

import hashlib
import io
import json
import sys
import tarfile

archive = tarfile.open(sys.argv[1])
[manifest] = json.load(archive.extractfile("manifest.json"))
[data, again] = [archive.extractfile(name).read() for name in manifest["Layers"]]
assert data == again, "the layers differ"

layer = hashlib.sha256(data).hexdigest() + ".tar"
folders = manifest["Layers"]
manifest["Layers"] = [layer, layer]

with tarfile.open(sys.argv[2], "w", format=tarfile.GNU_FORMAT) as result:

    def add(member, content):
        member.name = member.name if member.name == "." else f"./{member.name}"
        member.size = len(content)
        result.addfile(member, io.BytesIO(content))

    for member in archive:
        if member.name in folders:
            member.type, member.linkname = tarfile.SYMTYPE, f"../{layer}"
            add(member, b"")
        elif member.name == "manifest.json":
            add(member, json.dumps([manifest]).encode())
        else:
            add(member, archive.extractfile(member).read() if member.isfile() else b"")
    add(tarfile.TarInfo(layer), data)
