"""Image archives, for the test runners of this folder's neighbours."""

import gzip
import json
from pathlib import Path

from suite import TESTS, Failure, output, run, verified


def uncompressed(image):
    """The bytes of the archive within."""
    data = Path(image).read_bytes()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return output("zstd", "-dcq", image, text=False)
    return data


def compression(image):
    with open(image, "rb") as file:
        start = file.read(4)
    return "gz" if start[:2] == b"\x1f\x8b" else "zstd" if start == b"\x28\xb5\x2f\xfd" else "none"


def describe(image):
    """The archive, which is a path or the bytes of one, as golden descriptions have it.

    Nothing may be wrong with it.
    """
    verified(image)
    options = {"input": image, "stdin": None, "text": False} if isinstance(image, bytes) else {}
    name = "-" if options else image
    return json.loads(output(TESTS / "golden/describe-image.py", name, **options))


def describe_flat(tar):
    """A flat tar, as golden descriptions of `exportImage` have it."""
    return json.loads(output(TESTS / "golden/describe-image.py", "--flat", tar))


def streamed(stream, *words):
    """The archive that the program of a streamed image writes, and the lines it says about it."""
    done = run(stream, *words, text=False)
    said = done.stderr.decode().splitlines()
    if done.returncode:
        raise Failure(f"{stream}: exit status {done.returncode}", *said)
    return done.stdout, said
