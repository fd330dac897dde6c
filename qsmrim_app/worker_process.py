"""What makes a process a worker: it never outlives the program, and is the first to go for lack of memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

# A variable that the command line sets for itself and its workers: `qsmrim_app.preprocessing` says why
NIPYPE_ALONE = "QSMRIM_NIPYPE_ALONE"
_OOM_SCORE = Path("/proc/self/oom_score_adj")
_FIRST_TO_GO = "1000"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def become_worker() -> None:
    """Tie this process to the program that started it; call it first in every worker.

    - When the program dies, however that happens, the kernel ends this process too. A worker that waits for
      its next task would otherwise wait for ever.
    - When memory runs out, the kernel ends this process and not the program, which can then say so.
    - An interrupt from the terminal reaches all processes at once; the program alone answers it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # not Linux, or /proc is hidden: the kernel chooses by size alone
        _OOM_SCORE.write_text(_FIRST_TO_GO)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    program = multiprocessing.parent_process()
    if program is not None and not program.is_alive():  # it died before the kernel was told
        os._exit(1)
