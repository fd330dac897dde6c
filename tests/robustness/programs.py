"""qsmrim as a user starts it: a program of its own, that can be watched and killed with all its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
ENOUGH_S = 900.0  # what no run of a phantom takes, however busy the machine is

Found = TypeVar("Found")


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code and what it said."""

    code: int
    said: str


class Program:
    """A started ``qsmrim``, leader of a process group of its own."""

    def __init__(self, words: Sequence[object], said: Path) -> None:
        command = [sys.executable, str(REPOSITORY / "run.py"), *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self.said = said
        with said.open("wb") as file:
            self.process = subprocess.Popen(
                command, stdout=file, stderr=file, env=environment, start_new_session=True
            )

    def wait(self, seconds: float = ENOUGH_S) -> Ended:
        """Wait for the end."""
        try:
            code = self.process.wait(seconds)
        finally:
            self.kill()
        return Ended(code, self.said.read_text(errors="replace"))

    def runs_after(self, seconds: float) -> bool:
        """Whether it still runs after so long."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return False
        return True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It stands still, with all that it holds; afterwards it goes on."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to the whole process group; all of it is gone afterwards."""
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(self.process.pid).children(recursive=True)
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            wait_until(lambda: not any(map(_lives, below)), 60)
        self.process.wait(60)

    def workers(self) -> list[psutil.Process]:
        """Its workers that are ready to work: the kernel would end them first for lack of memory."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(OSError):
                if Path(f"/proc/{process.pid}/oom_score_adj").read_text().strip() == "1000":
                    found.append(process)
        return found


def run(words: Sequence[object], said: Path) -> Ended:
    """Run ``qsmrim`` with some arguments; what it says stands in the file ``said`` too."""
    return Program(words, said).wait()


def wait_until(condition: Callable[[], Found], seconds: float = ENOUGH_S) -> Found:
    """The first true value of a condition; an `AssertionError` if there is none within so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s")


def bytes_of(output_dir: Path) -> dict[str, bytes]:
    """Every file of an output folder but its logs, by name."""
    names = [path.relative_to(output_dir) for path in sorted(output_dir.rglob("*")) if path.is_file()]
    return {str(name): (output_dir / name).read_bytes() for name in names if name.parts[0] != "logs"}


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """The names that only one side has, or that have other bytes."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


@dataclass(frozen=True)
class KillsOfRun:
    """How many kills a run survived, and which files were then other than those of an undisturbed one."""

    kills: int
    resumed_runs: int
    differing: tuple[str, ...]


def kill_and_resume(
    words_for: Callable[[Path], Sequence[object]], prepare: Callable[[Path], None], place: Path, n_kills: int
) -> KillsOfRun:
    """Kill a run at random moments until it was killed so often, and let it go on each time.

    A round starts with a fresh output folder and holds three to six kills, fewer if the run was quicker; then
    the same command runs to its end and its files are compared with those of a run that nobody disturbed.

    Parameters
    ----------
    words_for
        The arguments of a run, given its output folder.
    prepare
        Makes an output folder, given its path.
    place
        An empty folder.
    n_kills
        How many programs to kill while they run.
    """
    rng = np.random.default_rng(20261124)
    undisturbed, seconds = _undisturbed(words_for, prepare, place)
    killed, resumed, odd = 0, 0, set()
    while killed < n_kills:
        output_dir = place / f"round-{resumed}" / "out"
        prepare(output_dir)
        words = words_for(output_dir)
        for number in range(min(int(rng.integers(3, 7)), n_kills - killed)):
            begin, program = time.monotonic(), Program(words, place / "said.txt")
            running = program.runs_after(float(rng.uniform(0, seconds)))
            program.kill()
            killed += running
            if not running:
                if number == 0:  # the machine is less busy now
                    seconds = time.monotonic() - begin
                break
        ended = run(words, place / "said.txt")
        assert ended.code == 0, ended.said
        odd |= set(differing(bytes_of(output_dir), undisturbed))
        resumed += 1
    return KillsOfRun(killed, resumed, tuple(sorted(odd)))


def _undisturbed(
    words_for: Callable[[Path], Sequence[object]], prepare: Callable[[Path], None], place: Path
) -> tuple[dict[str, bytes], float]:
    output_dir = place / "undisturbed" / "out"
    prepare(output_dir)
    start = time.monotonic()
    ended = run(words_for(output_dir), place / "said.txt")
    assert ended.code == 0, ended.said
    return bytes_of(output_dir), time.monotonic() - start


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
