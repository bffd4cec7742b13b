"""Prints each line of JSON as jq prints it: the version that nixpkgs has, without white space.

The module is that of requirements-jq.txt. Its own output of text goes through Python's json and
not through jq; `tojson` is jq's printer.
"""

import sys

import jq

program = jq.compile("tojson")
for line in sys.stdin.buffer.read().decode("utf-8").split("\n")[:-1]:
    sys.stdout.buffer.write((program.input_text(line).first() + "\n").encode("utf-8"))
