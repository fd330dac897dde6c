"""The results of a part, with what they were measured on: one JSON file each in ``benchmarks/results``."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchmarks.parts import Part, Row, Setup
from studies.hardware import hardware

FOLDER = Path(__file__).resolve().parent / "results"
BUSY = 0.2  # cores that other programs take, on average, from which a machine counts as shared


@dataclass(frozen=True)
class Result:
    """What a part found.

    ``load`` is the load average of the last minute at the start and at the end; ``others`` is how many cores
    programs other than this one and its children took, on average.
    """

    part: str
    date: str
    size: str
    hardware: str
    versions: dict[str, str]
    load: tuple[float, float]
    others: float
    seconds: float
    rows: list[Row]


def run_part(part: Part, setup: Setup) -> Result:
    """Measure a part, with the conditions written down."""
    load, begin = os.getloadavg()[0], time.perf_counter()
    busy, ours = _busy_seconds(), _our_seconds()
    rows = part.measure(setup)
    seconds = time.perf_counter() - begin
    others = max(0.0, _busy_seconds() - busy - (_our_seconds() - ours)) / seconds
    return Result(
        part=part.name,
        date=date.today().isoformat(),
        size=setup.size,
        hardware=hardware(),
        versions={"Python": platform.python_version()} | {name: _version(name) for name in part.packages},
        load=(round(load, 2), round(os.getloadavg()[0], 2)),
        others=round(others, 2),
        seconds=round(seconds, 1),
        rows=rows,
    )


def write_result(result: Result, folder: Path = FOLDER) -> Path:
    """Keep a result, replacing that of an earlier run; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.part}.json"
    path.write_text(json.dumps(_rounded(asdict(result)), indent=1) + "\n", encoding="utf-8")
    return path


def read_result(name: str, folder: Path = FOLDER) -> Result | None:
    """The result of a part; None where it has not been measured."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    plain = json.loads(path.read_text(encoding="utf-8"))
    return Result(**{**plain, "load": tuple(plain["load"])})


def _rounded(value: object) -> object:
    """Plain data with floats of five significant digits: no more was measured."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _busy_seconds() -> float:
    """Processor seconds of all programs of the machine since it was started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def _our_seconds() -> float:
    """Processor seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
