"""Susceptibility units: ppm on disk (BIDS), ppb in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import UnitError
from qsmrim_app.records import Volume

PPB_PER_PPM = 1000.0
# Robust ranges (99.5th percentile of |value| over non-zero voxels) that no brain has in the other unit:
# tissue and veins stay within some +-0.5 ppm, and 10 ppm would be a metal.
_LARGEST_PPM = 3.0
_SMALLEST_PPB = 10.0


def susceptibility_unit(data: NDArray[Any], stated: str | None, path: Path) -> Literal["ppm", "ppb"]:
    """The unit of a susceptibility map: the stated one if plausible, else by the robust range of its values.

    Raises
    ------
    UnitError
        If the stated unit is neither ppm nor ppb or does not fit the values, or nothing is stated and the
        values fit neither or both units.
    """
    values = np.abs(data[data != 0])
    if not values.size:
        raise UnitError(f"{path}: the susceptibility map is empty (all voxels are 0)")
    if values.min() == values.max():
        raise UnitError(f"{path}: the susceptibility map is constant: {values[0]:g} wherever it is not 0")
    high = float(np.percentile(values, 99.5))
    seen = f"99.5 % of |values| lie below {high:.3g}"
    if stated is not None and stated.strip().lower() not in ("ppm", "ppb"):
        raise UnitError(f"{path}: Units is '{stated}'; a susceptibility map is in ppm (or ppb)")
    unit = stated.strip().lower() if stated else None
    if high >= _SMALLEST_PPB and unit != "ppm":
        return "ppb"
    if high <= _LARGEST_PPM and unit != "ppb":
        return "ppm"
    if unit:
        raise UnitError(f"{path}: Units says {unit}, but {seen}; correct the Units in the JSON sidecar")
    raise UnitError(f'{path}: unit unknown ({seen}); write "Units": "ppm" or "ppb" into the JSON sidecar')


def to_ppb(volume: Volume, unit: Literal["ppm", "ppb"]) -> Volume:
    """Susceptibility in ppb."""
    return volume if unit == "ppb" else volume.with_data(volume.data * np.float32(PPB_PER_PPM))


def to_ppm(volume: Volume) -> Volume:
    """Susceptibility in ppm, the unit of BIDS, from ppb."""
    return volume.with_data(volume.data / np.float32(PPB_PER_PPM))
