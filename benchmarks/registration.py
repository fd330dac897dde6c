"""Rigid registration of FLAIR and gradient echo: qsmrim's against antspyx's presets, time and error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.parts import Headline, Part, Row, Setup
from benchmarks.simulated import Scans, semireal_scans, simulated_scans
from benchmarks.timing import alternate_outcomes, ratios, significant, spread
from qsmrim_app.preprocessing.registration import register_flair
from qsmrim_app.preprocessing.registration_ants import ants_world_matrix, to_ants
from qsmrim_app.preprocessing.session_mask import session_mask
from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import PreprocessingSettings
from studies.markdown import table

OURS, OURS_ANTS, HEADER = "qsmrim", "qsmrim, `--registration rigid,ants`", "headers alone"
PRESETS = {"antspyx, Rigid": "Rigid", "antspyx, QuickRigid": "QuickRigid"}
SIMULATED, REAL = "simulated FLAIR", "real FLAIR"


def measure(setup: Setup) -> list[Row]:
    """Processor seconds and error of each method on each data set."""
    sets = {SIMULATED: (simulated_scans(setup.work), setup.choose(1, 2, 5))}
    if setup.data is not None and setup.size != "tiny":
        sets[REAL] = (semireal_scans(setup.data, "LJ07"), setup.choose(1, 1, 3))
    return [
        {"data": name} | row
        for name, (scans, n_turns) in sets.items()
        for row in _compare(scans, n_turns, setup)
    ]


def _compare(scans: Scans, n_turns: int, setup: Setup) -> list[Row]:
    brain = session_mask(scans.qsm, scans.magnitude, scans.flair, None).mask
    times, found = alternate_outcomes(_methods(scans, brain, setup), n_turns, warm_up=False)
    motions = {HEADER: np.eye(4), **found}
    return [
        {"who": who, "seconds": times.get(who, []), "error_mm": displacement(motion, scans, brain)}
        for who, motion in motions.items()
    ]


def displacement(found: FloatArray, scans: Scans, brain: Volume) -> float:
    """Mean distance, mm, between where a motion puts the voxels of the brain and where they belong.

    Parameters
    ----------
    found
        World of the QSM to world of the FLAIR, shape (4, 4).
    scans
        With the true motion.
    brain
        bool, grid of the QSM.
    """
    voxels = np.argwhere(brain.data)
    points = brain.affine @ np.column_stack([voxels, np.ones(len(voxels))]).T
    apart = (found - scans.qsm_to_flair) @ points
    return float(np.sqrt(np.square(apart[:3]).sum(axis=0)).mean())


def headlines(rows: list[Row]) -> list[Headline]:
    """Against the accurate and the quick preset, on the first data set."""
    data = rows[0]["data"]
    ours = _row(rows, data, OURS)
    found = []
    for name in PRESETS:
        other = _row(rows, data, name)
        times = spread(ratios(other["seconds"], ours["seconds"]))
        error = f"error {significant(ours['error_mm'], 2)} against {significant(other['error_mm'], 2)} mm"
        found.append(Headline(f"registration, {data}, against {name}", f"{times} times as fast", error))
    return found


def section(rows: list[Row]) -> str:
    """Ratio, seconds and error by method and data."""
    lines = []
    for row in rows:
        ours = _row(rows, row["data"], OURS)
        times = spread(ratios(row["seconds"], ours["seconds"])) if row["seconds"] else "–"
        seconds = spread(row["seconds"]) if row["seconds"] else "–"
        lines.append([f"{row['data']}, {row['who']}", times, seconds, significant(row["error_mm"], 2)])
    return "\n\n".join(
        [
            table(
                ["data, method", "times the seconds of qsmrim", "processor seconds, one thread", "error, mm"],
                lines,
            ),
            "Error: mean distance between where the motion that was found puts the voxels of the brain and "
            "where they belong. The motion between the two scans is known, since the gradient echo is "
            "simulated in both data sets. antspyx's presets run as they come, without a mask; qsmrim also "
            "compares the result with the headers alone, and that time counts.",
        ]
    )


def _methods(scans: Scans, brain: Volume, setup: Setup) -> dict[str, Callable[[], FloatArray]]:
    settings = PreprocessingSettings()
    backends = {OURS: settings}
    if setup.size != "tiny":
        backends[OURS_ANTS] = replace(settings, backend="ants")
    ours = {
        name: lambda chosen=chosen: np.linalg.inv(
            register_flair(scans.magnitude, scans.flair, brain, chosen).flair_to_qsm
        )
        for name, chosen in backends.items()
    }
    return ours | {
        name: lambda preset=preset: _antspyx(scans, preset)
        for name, preset in PRESETS.items()
        if setup.size != "tiny" or preset == "QuickRigid"
    }


def _antspyx(scans: Scans, preset: str) -> FloatArray:
    import ants

    with tempfile.TemporaryDirectory() as folder:
        result = ants.registration(
            fixed=to_ants(scans.magnitude),
            moving=to_ants(scans.flair),
            type_of_transform=preset,
            outprefix=f"{folder}/",
        )
        return ants_world_matrix(ants.read_transform(result["fwdtransforms"][0]))


def _row(rows: list[Row], data: str, who: str) -> Row:
    return next(row for row in rows if (row["data"], row["who"]) == (data, who))


PART = Part(
    name="registration",
    title="Registration",
    packages=("SimpleITK", "antspyx"),
    measure=measure,
    headlines=headlines,
    section=section,
)
