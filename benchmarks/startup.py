"""How long ``qsmrim --version`` and ``--help`` take, and what a command takes before its work begins."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.parts import Headline, Part, Row, Setup
from benchmarks.timing import alternate, children_seconds, median, spread
from studies.markdown import table

_LIMIT_S = 0.5
_LIMITED = ("--version", "--help")
_ENTRY = "from qsmrim_app.cli import main; raise SystemExit(main())"
_CODE = {
    "--version": (_ENTRY, "--version"),
    "--help": (_ENTRY, "--help"),
    "the imports of `participant`": ("import qsmrim_app.levels.participant",),
    "the imports of a worker": ("import qsmrim_app.levels.session_tasks, qsmrim_app.levels.session_report",),
    "`import torch` alone": ("import torch",),
}


def measure(setup: Setup) -> list[Row]:
    """Wall and processor seconds of new processes, in turns."""
    actions = {name: lambda code=code: _run(code) for name, code in _CODE.items()}
    n_turns = setup.choose(1, 7, 15)
    wall = alternate(actions, n_turns, time.perf_counter)
    processor = alternate(actions, n_turns, children_seconds, warm_up=False)
    return [{"what": name, "seconds": wall[name], "processor": processor[name]} for name in actions]


def headlines(rows: list[Row]) -> list[Headline]:
    """Whether the limit is kept."""
    return [
        Headline(
            f"`qsmrim {row['what']}`",
            f"{spread(row['seconds'])} s, {spread(row['processor'])} processor seconds",
            f"limit {_LIMIT_S:g} s: {'kept' if median(row['seconds']) < _LIMIT_S else 'not kept'}",
        )
        for row in rows
        if row["what"] in _LIMITED
    ]


def section(rows: list[Row]) -> str:
    """Wall and processor seconds of each."""
    found = [
        [
            f"`qsmrim {row['what']}`" if row["what"] in _LIMITED else row["what"],
            spread(row["seconds"]),
            spread(row["processor"]),
        ]
        for row in rows
    ]
    return table(["a new process for", "wall seconds", "processor seconds"], found)


def _run(code: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-c", *code], check=True, stdout=subprocess.DEVNULL)


PART = Part(
    name="startup",
    title="Start-up",
    packages=("torch",),
    measure=measure,
    headlines=headlines,
    section=section,
)
