"""A participant from end to end: by stage, with one process and two, and the memory they take."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.parts import Headline, Part, Row, Setup
from benchmarks.simulated import KEYS, simulated_dataset
from benchmarks.stages import CLASSIFYING, MEASURING, NODES, stage_seconds
from benchmarks.timing import significant
from benchmarks.watched import Watched, watch
from studies.markdown import table

SIMULATED, REAL = "simulated", "real FLAIR"
_LIMIT_LOOKING_S, _LIMIT_REST_S = 5.0, 10.0
_SLOW = (NODES["correct_bias"], NODES["register_flair"])
_STAGES = {  # how the table calls it -> what the program says at its end
    "start-up": "preparing ",
    "preparation": "preparation done",
    "features and patches": "features and patches done",
    "classification": "classification done",
    "maps and tables": "maps and tables done",
    "report": "report done",
}


def measure(setup: Setup) -> list[Row]:
    """The program as a user calls it, then its stages one by one."""
    sets = {SIMULATED: (simulated_dataset(setup.work), [key.subject for key in KEYS])}
    if setup.data is not None and setup.size != "tiny":
        sets[REAL] = (setup.data / "semireal", ["LJ07", "LJ19"])
    rows = []
    for name, (bids_dir, people) in sets.items():
        one = setup.work / "participant-1"
        for nprocs, who in _calls(people, name, setup):
            output = one if (nprocs, who) == (1, people[:1]) else setup.work / "participant-n"
            seen = _run(bids_dir, who, nprocs, output)
            rows.append({"data": name, "nprocs": nprocs, "people": len(who), **_plain(seen)})
        stages = stage_seconds(bids_dir, people[0], one, _empty(setup.work / "stages"))
        rows += [
            {"data": name, "stage": stage, "wall_s": wall, "processor_s": processor}
            for stage, (wall, processor) in stages.items()
        ]
    return rows


def headlines(rows: list[Row]) -> list[Headline]:
    """The two limits, on real images where they are there, else on simulated ones."""
    data = rows[-1]["data"]
    looking = sum(_stage(rows, data, stage) for stage in (MEASURING, CLASSIFYING))
    run = next(row for row in rows if row["data"] == data and row.get("people") == 1)
    rest, computed = (
        run[clock] - sum(_stage(rows, data, stage, clock) for stage in _SLOW)
        for clock in ("wall_s", "processor_s")
    )
    return [
        Headline(
            f"participant ({data}), features, patches and classification",
            f"{looking:.1f} processor seconds",
            f"limit {_LIMIT_LOOKING_S:g} s: {'kept' if looking < _LIMIT_LOOKING_S else 'not kept'}",
        ),
        Headline(
            f"participant ({data}), the program without registration and N4",
            f"{rest:.1f} s, {computed:.1f} processor seconds",
            f"limit {_LIMIT_REST_S:g} s: {'kept' if rest < _LIMIT_REST_S else 'not kept'}",
        ),
        Headline(
            f"participant ({data}), the whole program",
            f"{run['wall_s']:.1f} s, {run['processor_s']:.1f} processor seconds",
            f"{run['peak_process_gb']:.2f} GB in the largest process",
        ),
    ]


def section(rows: list[Row]) -> str:
    """Whole runs; stages of one participant."""
    runs = [row for row in rows if "people" in row]
    stages = [row for row in rows if "stage" in row]
    names = list(dict.fromkeys(row["stage"] for row in stages))
    sets = list(dict.fromkeys(row["data"] for row in stages))
    by_stage = [
        [
            name,
            *(
                f"{_stage(rows, data, name, clock):.1f}"
                for data in sets
                for clock in ("processor_s", "wall_s")
            ),
        ]
        for name in names
    ]
    columns = [
        "data, participants",
        "`--nprocs`",
        *_STAGES,
        "whole program",
        "processor seconds",
        "all processes, GB",
        "largest, GB",
    ]
    return "\n\n".join(
        [
            "The program, `qsmrim BIDS OUT participant --nprocs N`; wall seconds:",
            table(columns, [_run_line(row) for row in runs]),
            "Its stages for one participant, in one process on one thread:",
            table(
                ["stage", *(f"{data}, {clock} seconds" for data in sets for clock in ("processor", "wall"))],
                by_stage,
            ),
            _NOTE,
        ]
    )


_NOTE = (
    "*Simulated*: two participants of `qsmrim-simulate --seed 2026`, QSM of 0.75 x 0.75 x 3 mm, 63 and 43 "
    "lesions; *real FLAIR*: LJ07 of the semi-real data, 30 lesions. Every run begins without a work folder. "
    "Memory is resident memory seen ten times a second, where pages that processes share are counted in "
    "each of them."
)


def _calls(people: list[str], data: str, setup: Setup) -> list[tuple[int, list[str]]]:
    """``--nprocs`` and participants of each run; the first one is of one participant."""
    alone = [(1, people[:1])]
    both = [(1, people), (2, people)]
    return alone + (both if (data == SIMULATED and setup.size != "tiny") or setup.size == "full" else [])


def _run(bids_dir: Path, people: list[str], nprocs: int, output: Path) -> Watched:
    command = [
        sys.executable, "-c", "from qsmrim_app.cli import main; raise SystemExit(main())",
        bids_dir, _empty(output), "participant", "--participant-label", *people,
        "--nprocs", str(nprocs), "--device", "cpu",
    ]  # fmt: skip
    return watch(command, output)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _plain(seen: Watched) -> Row:
    ends = [0.0, *(seen.said(text) for text in _STAGES.values())]
    stages = {name: end - begin for name, begin, end in zip(_STAGES, ends, ends[1:], strict=False)}
    return {
        "stages": stages,
        "wall_s": seen.wall_s,
        "processor_s": seen.processor_s,
        "peak_gb": seen.peak_gb,
        "peak_process_gb": seen.peak_process_gb,
    }


def _run_line(row: Row) -> list[str]:
    return [
        f"{row['data']}, {row['people']}",
        str(row["nprocs"]),
        *(f"{row['stages'][name]:.1f}" for name in _STAGES),
        f"{row['wall_s']:.1f}",
        f"{row['processor_s']:.1f}",
        significant(row["peak_gb"], 2),
        significant(row["peak_process_gb"], 2),
    ]


def _stage(rows: list[Row], data: str, stage: str, clock: str = "processor_s") -> float:
    return next(float(row[clock]) for row in rows if (row["data"], row.get("stage")) == (data, stage))


PART = Part(
    name="participant",
    title="A participant from end to end",
    packages=("numpy", "torch", "SimpleITK", "nipype"),
    measure=measure,
    headlines=headlines,
    section=section,
)
