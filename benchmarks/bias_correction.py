"""Bias correction of the FLAIR (N4): qsmrim's against antspyx's, time and what is left of a known field."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.parts import Headline, Part, Row, Setup
from benchmarks.simulated import Scans, semireal_scans, simulated_scans
from benchmarks.timing import alternate_outcomes, ratios, significant, spread
from qsmrim_app.preprocessing.bias_correction import correct_bias
from qsmrim_app.preprocessing.registration_ants import to_ants
from qsmrim_app.preprocessing.session_mask import mask_for_flair, session_mask
from qsmrim_app.records import Volume
from qsmrim_app.settings import PreprocessingSettings
from studies.markdown import table

OURS, SAME_MASK, DEFAULTS = "qsmrim", "antspyx, with the mask of qsmrim", "antspyx, as it comes"
SIMULATED, REAL = "simulated FLAIR", "real FLAIR"
FIELD = 0.25  # largest logarithm of the field

Method = Callable[[Volume, Volume], NDArray[np.floating]]  # image, mask -> corrected


def measure(setup: Setup) -> list[Row]:
    """Processor seconds, and the standard deviation of what is left of the field."""
    sets = {SIMULATED: simulated_scans(setup.work)}
    if setup.data is not None and setup.size == "full":
        sets[REAL] = semireal_scans(setup.data, "LJ19")
    return [{"data": name} | row for name, scans in sets.items() for row in _compare(scans, setup)]


def _compare(scans: Scans, setup: Setup) -> list[Row]:
    brain = session_mask(scans.qsm, scans.magnitude, scans.flair, None).mask
    mask, field = mask_for_flair(brain, scans.flair), known_field(scans.flair.shape)
    shaded = scans.flair.with_data((scans.flair.data * np.exp(field)).astype(np.float32))
    methods = {OURS: METHODS[OURS]} if setup.size == "tiny" else METHODS
    actions = {who: lambda method=method: method(shaded, mask) for who, method in methods.items()}
    times, found = alternate_outcomes(actions, setup.choose(1, 2, 5), warm_up=False)
    inside = mask.data & (scans.flair.data > 0)
    return [
        {
            "who": who,
            "seconds": times[who],
            "before": float(field[inside].std()),
            "left": _left(found[who], method(scans.flair, mask), inside),
        }
        for who, method in methods.items()
    ]


def known_field(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Logarithm of a smooth field, one broad wave along each axis."""
    waves = [np.cos(np.pi * (np.arange(n) / n - 0.3 * axis)) for axis, n in enumerate(shape)]
    field = waves[0][:, None, None] + waves[1][:, None] + waves[2]
    return np.asarray(FIELD * field / np.abs(field).max(), dtype=np.float32)


def headlines(rows: list[Row]) -> list[Headline]:
    """Against antspyx as it comes."""
    by_name = {row["who"]: row for row in rows if row["data"] == SIMULATED}
    if DEFAULTS not in by_name:
        return []
    times = spread(ratios(by_name[DEFAULTS]["seconds"], by_name[OURS]["seconds"]))
    ours, theirs = (_percent(by_name[who]["left"]) for who in (OURS, DEFAULTS))
    left = f"{ours} against {theirs} of a known field left"
    return [Headline(f"N4, {SIMULATED}, against {DEFAULTS}", f"{times} times as fast", left)]


def section(rows: list[Row]) -> str:
    """Ratio, seconds and what is left."""
    lines = []
    for row in rows:
        ours = next(one for one in rows if (one["data"], one["who"]) == (row["data"], OURS))
        lines.append(
            [
                f"{row['data']}, {row['who']}",
                spread(ratios(row["seconds"], ours["seconds"])),
                spread(row["seconds"]),
                _percent(row["left"]),
                _percent(row["before"]),
            ]
        )
    columns = [
        "data, method",
        "times the seconds of qsmrim",
        "processor seconds, one thread",
        "left of the field",
        "before",
    ]
    return "\n\n".join(
        [
            table(columns, lines),
            "A smooth field was laid over the FLAIR. *Left*: standard deviation, inside the brain, of the "
            "logarithm of the image corrected with that field over the image corrected without it. The code "
            "of N4 is the same in both, and both look at every fourth voxel along each axis; qsmrim looks "
            "inside the brain alone, antspyx as it comes at the whole image.",
        ]
    )


def _ours(image: Volume, mask: Volume) -> NDArray[np.floating]:
    return correct_bias(image, mask, PreprocessingSettings().n4_shrink_factor).data


def _with_mask(image: Volume, mask: Volume) -> NDArray[np.floating]:
    import ants

    seen = to_ants(mask.with_data(mask.data & (image.data > 0)))
    return np.asarray(ants.n4_bias_field_correction(to_ants(image), mask=seen).numpy())


def _defaults(image: Volume, mask: Volume) -> NDArray[np.floating]:
    import ants

    return np.asarray(ants.n4_bias_field_correction(to_ants(image)).numpy())


METHODS: dict[str, Method] = {OURS: _ours, SAME_MASK: _with_mask, DEFAULTS: _defaults}


def _left(shaded: NDArray[np.floating], plain: NDArray[np.floating], inside: NDArray[np.bool_]) -> float:
    both = inside & (shaded > 0) & (plain > 0)
    return float(np.log(shaded[both].astype(np.float64) / plain[both]).std())


def _percent(share: float) -> str:
    return f"{significant(100 * share, 2)} %"


PART = Part(
    name="bias_correction",
    title="Bias correction",
    packages=("SimpleITK", "antspyx"),
    measure=measure,
    headlines=headlines,
    section=section,
)
