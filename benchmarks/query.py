"""Finding the files of participants: qsmrim's query against an index of the whole dataset by pybids."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.parts import Curve, Headline, Panel, Part, Row, Setup
from benchmarks.skeletons import N_FILES, SUBJECT, write_skeleton
from benchmarks.timing import alternate, median, ratios, spread
from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.settings import InputSettings
from studies.markdown import table

ONE, FIRST, ALL = (
    "qsmrim, one participant",
    "qsmrim, one participant, in a new process",
    "qsmrim, all participants",
)
PROCESSOR = f"{FIRST}: processor seconds"
INDEX, METADATA = "pybids, whole index", "pybids, whole index with metadata"
_LIMIT_S = 1.0  # for one participant in the largest dataset
_NEW_PROCESS = """
import sys, time
begin = time.perf_counter()
from pathlib import Path
from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.settings import InputSettings
assert len(find_inputs(Path(sys.argv[1]), InputSettings(participants=(sys.argv[2],))).inputs) == 1
print(time.perf_counter() - begin, time.process_time())
"""


def measure(setup: Setup) -> list[Row]:
    """Wall seconds by the number of participants."""
    rows = []
    for n in setup.choose((20,), (100, 1_000, 10_000)):
        root = write_skeleton(setup.work / f"skeleton-{n}", n)
        fast = {
            ONE: lambda root=root: _ours(root, (SUBJECT,), 1),
            ALL: lambda root=root, n=n: _ours(root, (), n),
        }
        slow = {INDEX: lambda root=root: _pybids(root, metadata=False)}
        if n <= setup.choose(20, 1_000, 10_000):
            slow[METADATA] = lambda root=root: _pybids(root, metadata=True)
        _ours(root, (SUBJECT,), 1)
        few = setup.choose(1, 1, 3) if n > 1_000 else 3
        times = alternate({**fast, **slow}, few, time.perf_counter, warm_up=False)
        times |= {ONE: alternate({ONE: fast[ONE]}, 9, time.perf_counter)[ONE]}
        new = [_in_new_process(root) for _ in range(5)]
        times |= {FIRST: [wall for wall, _ in new], PROCESSOR: [processor for _, processor in new]}
        rows += [{"who": who, "n": n, "seconds": seconds} for who, seconds in times.items()]
    return rows


def headlines(rows: list[Row]) -> list[Headline]:
    """The ratio in the largest dataset, and whether the limit is kept."""
    n = max(row["n"] for row in rows)
    one, new, processor, index = (_seconds(rows, who, n) for who in (ONE, FIRST, PROCESSOR, INDEX))
    what = f"input query, one participant of {n:,}"
    kept = "kept" if median(one) < _LIMIT_S else "not kept"
    return [
        Headline(
            f"{what}, against {INDEX}",
            f"{spread([median(index) / median(one)])} times as fast",
            f"{spread(one)} s; limit {_LIMIT_S:g} s: {kept}",
        ),
        Headline(
            f"{what}, in a new process",
            f"{spread(new)} s",
            f"{spread(processor)} processor seconds, mostly imports",
        ),
    ]


def section(rows: list[Row]) -> str:
    """Ratios to the query of one participant, then seconds."""
    counts = sorted({row["n"] for row in rows})
    names = list(dict.fromkeys(row["who"] for row in rows))
    against = [[f"{n:,}", *(_ratio(rows, who, n) for who in (INDEX, METADATA))] for n in counts]
    seconds = [
        [name, *(spread(found) if (found := _seconds(rows, name, n)) else "–" for n in counts)]
        for name in names
    ]
    return "\n\n".join(
        [
            "How many times longer a whole index takes than the query of one participant:",
            table(["participants", INDEX, METADATA], against),
            "Wall seconds, where it does not say otherwise:",
            table(["", *(f"{n:,} participants" for n in counts)], seconds),
            f"Empty files, {N_FILES} a participant in a raw dataset and two derivatives, made on the spot, "
            "so that they lie in the cache of the file system. *In a new process*: with the imports that "
            "the query needs, mostly those of pybids, which takes names apart. A dash: not measured in "
            "this size of the suite.",
        ]
    )


def plot(rows: list[Row]) -> list[Panel]:
    """Seconds against participants."""
    names = list(dict.fromkeys(row["who"] for row in rows if row["who"] != PROCESSOR))
    curves = []
    for name in names:
        mine = sorted((row for row in rows if row["who"] == name), key=lambda row: row["n"])
        curves.append(Curve(name, [row["n"] for row in mine], [median(row["seconds"]) for row in mine]))
    return [Panel("participants in the dataset", "seconds", curves)]


def _ours(root: Path, participants: tuple[str, ...], expected: int) -> None:
    found = find_inputs(root, InputSettings(participants=participants))
    assert len(found.inputs) == expected, f"{len(found.inputs)} of {expected} found"


def _in_new_process(root: Path) -> tuple[float, float]:
    """Wall and processor seconds."""
    command = [sys.executable, "-c", _NEW_PROCESS, str(root), SUBJECT]
    wall, processor = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(wall), float(processor)


def _pybids(root: Path, metadata: bool) -> None:
    from bids import BIDSLayout, BIDSLayoutIndexer

    indexer = BIDSLayoutIndexer(validate=False, index_metadata=metadata)
    layout = BIDSLayout(root, derivatives=True, validate=False, indexer=indexer)
    assert layout.get(subject=SUBJECT, suffix="Chimap", scope="all"), "pybids found no Chimap"


def _seconds(rows: list[Row], who: str, n: int) -> list[float]:
    return next((row["seconds"] for row in rows if (row["who"], row["n"]) == (who, n)), [])


def _ratio(rows: list[Row], who: str, n: int) -> str:
    slow, fast = _seconds(rows, who, n), _seconds(rows, ONE, n)
    return spread(ratios(slow, [median(fast)] * len(slow))) if slow else "–"


PART = Part(
    name="query",
    title="Finding the files of a participant",
    packages=("pybids",),
    measure=measure,
    headlines=headlines,
    section=section,
    plot=plot,
)
