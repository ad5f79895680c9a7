"""Run a program that dies with its parent: ``launcher.py PARENT_PID SIGNAL PROGRAM ARG…``.

A script of its own, standard library only, started with ``python -I -S``: the kernel is told
which signal to send when the parent is gone (prctl(2), PR_SET_PDEATHSIG), and that wish
survives the exec. Where there is no prctl the program runs without it.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal_number, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the wish was made
        sys.exit(1)
    os.execvp(program[0], program)


main()
