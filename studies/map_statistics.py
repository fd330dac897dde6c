"""What a whole susceptibility map looks like in numbers, as ``shared/data/ABOUT.md`` defines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from qsmrim_app.records import Volume

ERODED_MM = 5.0
PERCENTILES = (1.0, 5.0, 50.0, 95.0, 99.0, 99.9)
CURVE_PERCENTILES = np.array([0.1, 0.5, 1, 2, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9])


@dataclass(frozen=True)
class MapStatistics:
    """Numbers of one map. ppb, percent, ppb a millimetre; ``curve_ppb`` belongs to `CURVE_PERCENTILES`."""

    p1: float
    p5: float
    p50: float
    p95: float
    p99: float
    p99_9: float
    kurtosis: float  # excess, 0 for a normal distribution
    above_100_percent: float
    above_200_percent: float
    sd_p50: float
    sd_p95: float
    gradient_p50: float
    gradient_p95: float
    gradient_p99: float
    correlation_1mm: float
    curve_ppb: tuple[float, ...]


def inner_brain(qsm: Volume) -> NDArray[np.bool_]:
    """The filled support of a map, eroded by 5 mm counted in its smallest voxel size along every axis, bool.

    On thick slices more is cut off above and below than 5 mm. The rows of ABOUT.md were made so: this, and
    no other erosion that was tried, gives back both of its semi-real rows to the printed digit.
    """
    filled = ndimage.binary_fill_holes(qsm.data != 0)
    steps = round(ERODED_MM / min(qsm.spacing_mm))
    inner: NDArray[np.bool_] = ndimage.binary_erosion(filled, iterations=steps)
    return inner


def map_statistics(qsm: Volume, inside: NDArray[np.bool_]) -> MapStatistics:
    """The numbers of one map.

    Parameters
    ----------
    qsm
        Susceptibility, ppb, shape (i, j, k), slices along k.
    inside
        bool, same shape: where it is looked at. Neighbours of these voxels count too.
    """
    values = qsm.data[inside].astype(np.float64)
    p1, p5, p50, p95, p99, p99_9 = (float(value) for value in np.percentile(values, PERCENTILES))
    sd, gradient = local_sd(qsm.data)[inside], gradient_in_plane(qsm)[inside]
    return MapStatistics(
        p1=p1,
        p5=p5,
        p50=p50,
        p95=p95,
        p99=p99,
        p99_9=p99_9,
        kurtosis=float(stats.kurtosis(values)),
        above_100_percent=float(100 * (values > 100).mean()),
        above_200_percent=float(100 * (values > 200).mean()),
        sd_p50=float(np.percentile(sd, 50)),
        sd_p95=float(np.percentile(sd, 95)),
        gradient_p50=float(np.percentile(gradient, 50)),
        gradient_p95=float(np.percentile(gradient, 95)),
        gradient_p99=float(np.percentile(gradient, 99)),
        correlation_1mm=correlation_along_x(qsm, inside, 1.0),
        curve_ppb=tuple(float(value) for value in np.percentile(values, CURVE_PERCENTILES)),
    )


def local_sd(data: NDArray[Any]) -> NDArray[np.float64]:
    """Standard deviation (population) over the 3 x 3 voxels of the slice around each voxel."""
    exact = data.astype(np.float64)
    mean = ndimage.uniform_filter(exact, (3, 3, 1))
    square = ndimage.uniform_filter(exact**2, (3, 3, 1))
    deviation: NDArray[np.float64] = np.sqrt(np.maximum(square - mean**2, 0))
    return deviation


def gradient_in_plane(qsm: Volume) -> NDArray[np.float64]:
    """Length of the gradient within the slice, central differences, ppb a millimetre."""
    x, y = np.gradient(qsm.data.astype(np.float64), *qsm.spacing_mm[:2], axis=(0, 1))
    return np.asarray(np.hypot(x, y))


def correlation_along_x(qsm: Volume, inside: NDArray[np.bool_], distance_mm: float) -> float:
    """Pearson correlation of voxels that far apart along i, to the nearest whole voxel (at least one)."""
    lag = max(1, round(distance_mm / qsm.spacing_mm[0]))
    both = inside[lag:] & inside[:-lag]
    return float(np.corrcoef(qsm.data[lag:][both], qsm.data[:-lag][both])[0, 1])
