"""A command, watched: how long it takes, the memory of its processes, when it said what."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_EVERY_S = 0.1


@dataclass
class Watched:
    """What was seen of a command. Memory in 1e9 bytes; pages that processes share count in each of them."""

    wall_s: float = 0.0
    processor_s: float = 0.0
    peak_gb: float = 0.0  # all processes together
    peak_process_gb: float = 0.0  # the largest of them
    lines: list[tuple[float, str]] = field(default_factory=list)  # seconds since the start, line of stderr

    def said(self, text: str) -> float:
        """When the last line with a text came; NaN if none did."""
        return next((when for when, line in reversed(self.lines) if text in line), float("nan"))


def watch(command: Sequence[str | Path], folder: Path) -> Watched:
    """Run a command in a folder to its end.

    Raises
    ------
    RuntimeError
        If it fails; with its last lines.
    """
    seen, before, begin = Watched(), _used(), time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    reader = threading.Thread(target=_read, args=(process, seen, begin), daemon=True)
    reader.start()
    while process.poll() is None:
        _look(process.pid, seen)
        time.sleep(_EVERY_S)
    seen.wall_s = time.perf_counter() - begin
    reader.join()
    seen.processor_s = _used() - before
    if process.returncode:
        raise RuntimeError(
            f"{command} ended with {process.returncode}: {[line for _, line in seen.lines[-5:]]}"
        )
    return seen


def _read(process: subprocess.Popen[str], seen: Watched, begin: float) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        seen.lines.append((time.perf_counter() - begin, line.rstrip()))


def _look(number: int, seen: Watched) -> None:
    sizes = []
    with suppress(psutil.Error):
        parent = psutil.Process(number)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                sizes.append(process.memory_info().rss / 1e9)
    seen.peak_gb = max(seen.peak_gb, sum(sizes))
    seen.peak_process_gb = max(seen.peak_process_gb, max(sizes, default=0.0))


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
