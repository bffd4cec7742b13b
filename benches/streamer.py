"""Writes an image of store layers to stdout the plain way, for comparison: with Python's tarfile, each
layer once for its digest and once for the stream.

usage: streamer.py LAYERS.json     (a list of lists of directories)
"""

import hashlib
import json
import os
import sys
import tarfile
import threading
from pathlib import Path


class Hash:
    def __init__(self):
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data):
        self.digest.update(data)
        self.size += len(data)


def write_layer(out, roots):
    with tarfile.open(fileobj=out, mode="w|") as tar:
        for root in roots:
            for path in sorted([root, *root.rglob("*")]):
                member = tar.gettarinfo(path)
                member.mtime, member.uid, member.gid, member.uname, member.gname = 1, 0, 0, "root", "root"
                if member.isfile():
                    with open(path, "rb") as file:
                        tar.addfile(member, file)
                else:
                    tar.addfile(member)


def main():
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as image:
        for layer in json.loads(Path(sys.argv[1]).read_text()):
            roots = [Path(root) for root in layer]
            known = Hash()
            write_layer(known, roots)
            member = tarfile.TarInfo(f"{known.digest.hexdigest()}/layer.tar")
            member.size = known.size
            reading, writing = os.pipe()

            def produce(writing=writing, roots=roots):
                with open(writing, "wb") as pipe:
                    write_layer(pipe, roots)

            threading.Thread(target=produce).start()
            with open(reading, "rb") as pipe:
                image.addfile(member, pipe)


main()
