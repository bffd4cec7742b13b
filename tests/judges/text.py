"""Does to bytes, one string of them a line in hexadecimal digits, what Python does to its text.

    text.py repr        each in quotes
    text.py repr-list   all of them as a list
    text.py sort        as paths, in their order; again in hexadecimal digits
    text.py characters  without input: each character that this Python knows, in quotes
"""

import os
import sys
import unicodedata
from pathlib import Path

(what,) = sys.argv[1:]


def lines():
    return [os.fsdecode(bytes.fromhex(line)) for line in sys.stdin]


def characters():
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number)) not in ("Cn", "Cs"):
            print(f"{number} {chr(number)!r}")


if what == "repr":
    for line in lines():
        print(repr(line))
elif what == "repr-list":
    print(lines())
elif what == "sort":
    for path in sorted(Path(line) for line in lines()):
        print(os.fsencode(path).hex())
elif what == "characters":
    characters()
