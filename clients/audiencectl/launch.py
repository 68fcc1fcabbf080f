"""Becomes the program of its arguments, and dies with the process that started it.

`python -I -S launch.py PARENT_PID PROGRAM [ARGUMENT…]`. A step of its own instead of a hook between
fork and exec: such a hook is not safe in a process that has threads. Standard library only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for SIGKILL at the parent's death, then execute the program."""
    parent, program, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            # It died before the line above: nobody would end what we start.
            sys.exit(1)
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
