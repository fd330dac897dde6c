"""How the program ends when it is told to: at once, with all its processes, and able to go on later."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import FrameType

import psutil

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SIGNAL_EXIT = 128  # a shell's convention: 143 after SIGTERM, 130 after SIGINT


@contextmanager
def ends_on_signals(scratch: Path) -> Iterator[None]:
    """End the program within a second of SIGTERM, SIGINT or SIGHUP; call it in the main thread.

    A thread of its own waits for the signal, since Python calls a handler only between two instructions of
    the main thread, which may be inside a network for minutes. Every file is renamed into place when it is
    whole, so nothing has to be finished. It also makes the program fit to be process 1 of a container, to
    which the kernel gives no signal that it has no handler for.

    Parameters
    ----------
    scratch
        A folder of this process that is removed then.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # Python wants it so
    ignored = {number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_IGN}  # as under nohup
    former = {number: signal.signal(number, _heed) for number in _SIGNALS if number not in ignored}
    former_fd = signal.set_wakeup_fd(writing)
    os.register_at_fork(after_in_child=_forget)
    Thread(target=_end_when_told, args=(reading, scratch), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former_fd)
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(writing)  # ends the thread


def _heed(number: int, frame: FrameType | None) -> None:
    """What Python calls for the signal; the thread has its number already."""


def _forget() -> None:
    """A forked process dies of these signals itself, instead of telling its parent."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        if signal.getsignal(number) is _heed:
            signal.signal(number, signal.SIG_DFL)


def _end_when_told(reading: int, scratch: Path) -> None:
    told = os.read(reading, 1)
    while told and told[0] not in _SIGNALS:  # another signal that a library listens to
        told = os.read(reading, 1)
    os.close(reading)
    if told:
        _end(signal.Signals(told[0]), scratch)


def _end(number: signal.Signals, scratch: Path) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    with suppress(OSError):  # nobody listens any more
        os.write(2, f"qsmrim: ended by {number.name}; the same command continues where it stopped\n".encode())
    # the last thing, since the main thread would start new workers
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # gone already
            process.kill()
    os._exit(_SIGNAL_EXIT + number)
