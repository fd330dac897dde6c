"""How much faster the vectorised feature engine is than pyradiomics, in one run on one machine.

    python studies/radiomics_speed.py [--rounds N] [--sizes VOXELS ...] [--lesions N] [--bin-width PPB]

Lesions of one size, of irregular shape, on a simulated map of 256 x 256 x 48 voxels of 0.75 x 0.75 x 3 mm.
Each round times the three in turn, so that a busy machine slows all of them: the vectorised engine on all
lesions, pyradiomics on the exact crop of some of them, and pyradiomics as its authors mean it to be used, its
extractor on the whole map, on one; the last two take lesion after lesion. Everything runs in one thread, and
processor time is measured. Ratios come first: the median round, and the lowest and highest.
"""

from __future__ import annotations

import os

for _name in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
):
    os.environ[_name] = "1"

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsSettings
from studies.markdown import table
from tests.radiomic_features.oracle import whole_volume_features

SHAPE = (256, 256, 48)
AFFINE = np.diag([0.75, 0.75, 3.0, 1.0])
TEXTURE_PPB = 20.0  # standard deviation of the map
N_CROPPED = 10  # lesions that pyradiomics measures on the crop in a round


@dataclass(frozen=True)
class Timed:
    """Milliseconds a lesion, one value a round."""

    n_voxels: int
    n_lesions: int
    vectorised: tuple[float, ...]
    cropped: tuple[float, ...]
    whole: tuple[float, ...]


def lesions_of_size(n_voxels: int, n_lesions: int, seed: int = 0) -> tuple[Volume, Volume]:
    """A map with texture, and as many lesions of exactly that size as asked for or as have room."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=SHAPE), (1.5, 1.5, 0.6))
    qsm = TEXTURE_PPB * smooth / smooth.std()
    labels = np.zeros(SHAPE, dtype=np.int32)
    radius_mm = (3 * n_voxels * 0.75 * 0.75 * 3 / (4 * np.pi)) ** (1 / 3)
    cell = [int(np.ceil(3 * radius_mm / spacing)) + 1 for spacing in (0.75, 0.75, 3.0)]
    corners = [range(0, size - side, side) for size, side in zip(SHAPE, cell, strict=True)]
    places = np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1).reshape(-1, 3)
    away = [
        np.square((np.arange(side) - side / 2) * mm) for side, mm in zip(cell, (0.75, 0.75, 3.0), strict=True)
    ]
    distance = np.sqrt(away[0][:, None, None] + away[1][:, None] + away[2])
    for label, place in enumerate(rng.permutation(places)[:n_lesions], start=1):
        part = tuple(slice(start, start + side) for start, side in zip(place, cell, strict=True))
        uneven = distance + 0.3 * radius_mm * smooth[part] / smooth.std()
        inside = np.argsort(uneven, axis=None)[:n_voxels]
        labels[part].reshape(cell)[np.unravel_index(inside, cell)] = label
    return Volume(qsm.astype(np.float32), AFFINE), Volume(labels, AFFINE)


def time_engines(n_voxels: int, n_lesions: int, rounds: int, bin_width: float) -> Timed:
    """Time the three on lesions of one size."""
    qsm, labels = lesions_of_size(n_voxels, n_lesions)
    lesions = find_lesions(labels)
    settings = RadiomicsSettings(bin_width_ppb=bin_width)
    reference = replace(settings, engine="pyradiomics")
    extract_features(qsm, labels, lesions[:2], settings)
    extract_features(qsm, labels, lesions[:1], reference)
    times: dict[str, list[float]] = {"vectorised": [], "cropped": [], "whole": []}
    for number in range(rounds):
        some = [
            lesions[(number * N_CROPPED + at) % len(lesions)] for at in range(min(N_CROPPED, len(lesions)))
        ]
        times["cropped"].append(
            _ms(lambda some=some: extract_features(qsm, labels, some, reference)) / len(some)
        )
        times["vectorised"].append(
            _ms(lambda: extract_features(qsm, labels, lesions, settings)) / len(lesions)
        )
        one = lesions[number % len(lesions)].index
        times["whole"].append(
            _ms(lambda one=one: whole_volume_features(qsm, labels, one, binWidth=bin_width))
        )
    return Timed(n_voxels, len(lesions), *(tuple(values) for values in times.values()))


def report(timed: Sequence[Timed]) -> str:
    """Ratios, then milliseconds a lesion: median (lowest to highest)."""
    rows = []
    for one in timed:
        fast = np.array(one.vectorised)
        rows.append(
            (
                one.n_voxels,
                one.n_lesions,
                _spread(np.array(one.cropped) / fast, 3),
                _spread(np.array(one.whole) / fast, 3),
                _spread(fast, 3),
                _spread(np.array(one.cropped), 3),
                _spread(np.array(one.whole), 3),
            )
        )
    columns = (
        "voxels a lesion",
        "lesions",
        "times faster than the crop",
        "than the whole map",
        "vectorised, ms a lesion",
        "pyradiomics, crop",
        "pyradiomics, whole map",
    )
    return table(columns, rows)


def _ms(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return 1000 * (time.process_time() - begin)


def _spread(values: np.ndarray, digits: int) -> str:
    low, middle, high = (
        f"{float(f'{value:.{digits}g}'):,g}" for value in np.percentile(values, (0, 50, 100))
    )
    return f"{middle} ({low} to {high})"


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 80, 500, 5000])
    parser.add_argument("--lesions", type=int, nargs="+", default=[100])
    parser.add_argument("--bin-width", type=float, default=25.0)
    asked = parser.parse_args()
    timed = [
        time_engines(size, n, asked.rounds, asked.bin_width) for size in asked.sizes for n in asked.lesions
    ]
    print(report(timed))


if __name__ == "__main__":
    main()
