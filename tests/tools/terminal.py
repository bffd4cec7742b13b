"""Programs in a terminal, for the test runners of this folder's neighbours."""

import os
import pty
import re
import subprocess

# How long a program may take before it is taken for one that waits for a person.
SECONDS = 120


def in_terminal(*command, typed=""):
    """Runs a program as a person would who types something; gives its exit status and the lines on the screen."""
    terminal, its_end = pty.openpty()
    words = ["timeout", "--foreground", str(SECONDS), *map(str, command)]
    with open(terminal, "r+b", buffering=0) as person:
        child = subprocess.Popen(words, stdin=its_end, stdout=its_end, stderr=its_end)
        os.close(its_end)
        person.write(typed.encode())
        said = b""
        try:
            while read := person.read(1 << 16):
                said += read
        except OSError:  # Linux says so when nobody has the terminal open any more.
            pass
        child.wait()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode(errors="replace"))
    return child.returncode, text.replace("\r", "").splitlines()
