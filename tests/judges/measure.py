"""Runs a program and says what it took.

    measure.py RESULT SECONDS PROGRAM [ARGUMENT...]

Writes its exit status (below zero: the signal that ended it), the seconds of processor time and the KiB of memory at
its peak to the file RESULT. After SECONDS it is killed.
"""

import os
import signal
import sys

result, seconds, *command = sys.argv[1:]
child = os.posix_spawnp(command[0], command, os.environ)
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(int(seconds))
_, status, usage = os.wait4(child, 0)
with open(result, "w") as file:
    print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=file)
