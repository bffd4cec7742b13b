"""Prints JSON documents, one a line, as streamLayeredImage prints those of an image. A NUL stands
behind each."""

import json
import sys

for line in sys.stdin.buffer:
    print(json.dumps(json.loads(line), indent=4), end="\0")
