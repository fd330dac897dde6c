"""Lesions that try a feature engine: at every border, tiny, flat, giant, on every kind of image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Volume
from studies.cohort_files import find_cohort, find_semireal, read_lesions, read_qsm

AFFINE = np.diag([0.75, 0.9, 3.0, 1.0])  # three sizes, so that no two axes can be swapped unseen


@dataclass(frozen=True, eq=False)
class Case:
    """An image with lesions; ``kind`` says what is difficult in it."""

    kind: str
    qsm: Volume
    labels: Volume


def generated_cases(n_volumes: int, seed: int = 0) -> Iterator[Case]:
    """Random lesions in random images, made from nothing: about 160 lesions a volume, and the odd ones.

    Parameters
    ----------
    n_volumes
        How many volumes with many lesions of random shape.
    seed
        Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    for number in range(n_volumes):
        shape = (60 + number % 2, 57, 20 + number % 3)
        yield Case("random shapes", _texture(rng, shape), _blobs(rng, shape))
    for shape in [(17, 14, 9), (12, 11, 6), (9, 16, 4)] * max(n_volumes // 2, 1):
        yield Case("at the border of a small volume", _texture(rng, shape), _blobs(rng, shape, smooth=1.0))
    for _ in range(max(n_volumes // 3, 1)):
        shape = (41, 40, 15)
        yield Case("tiny", _texture(rng, shape), _tiny(rng, shape))
        yield Case("in one slice", _texture(rng, shape), _in_one_slice(rng, shape))
    yield from _odd_images(rng)
    yield Case("giant", _texture(rng, (70, 66, 24)), _ball((70, 66, 24)))
    yield Case(
        "the whole volume", _texture(rng, (24, 23, 11)), Volume(np.ones((24, 23, 11), np.int32), AFFINE)
    )


def stored_cases(cohort: Path | None, data: Path | None) -> Iterator[Case]:
    """Lesions of a simulated cohort, and of the semi-real participants."""
    people = [] if cohort is None else [("simulated cohort", one) for one in find_cohort(cohort).participants]
    if data is not None:
        people += [("semi-real", one) for one in find_semireal(data)]
    for kind, person in people:
        yield Case(kind, read_qsm(person), read_lesions(person))


def _texture(rng: np.random.Generator, shape: tuple[int, int, int], sd_ppb: float = 30.0) -> Volume:
    """Structure of two voxels and noise of one."""
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), (1.5, 1.5, 0.7))
    data = sd_ppb * (smooth / smooth.std() + 0.3 * rng.normal(size=shape)) - 20
    return Volume(data.astype(np.float32), AFFINE)


def _blobs(rng: np.random.Generator, shape: tuple[int, int, int], smooth: float = 1.7) -> Volume:
    field = ndimage.gaussian_filter(rng.normal(size=shape), (smooth, smooth, smooth / 2), mode="nearest")
    labels, _ = ndimage.label(field > 1.2 * field.std(), np.ones((3, 3, 3)))
    return Volume(labels.astype(np.int32), AFFINE)


def _tiny(rng: np.random.Generator, shape: tuple[int, int, int]) -> Volume:
    """Two to six voxels in a box of 3 x 3 x 2, connected or not, all over the volume."""
    labels = np.zeros(shape, dtype=np.int32)
    places = product(
        *(range(0, size - side + 1, side + 1) for size, side in zip(shape, (3, 3, 2), strict=True))
    )
    for label, (i, j, k) in enumerate(places, start=1):
        if label % 3 == 0:
            voxels = rng.permutation(18)[: rng.integers(2, 7)]
            labels[i : i + 3, j : j + 3, k : k + 2].reshape(3, 3, 2)[np.unravel_index(voxels, (3, 3, 2))] = (
                label
            )
    return Volume(labels, AFFINE)


def _in_one_slice(rng: np.random.Generator, shape: tuple[int, int, int]) -> Volume:
    axis = int(rng.integers(3))
    labels = _blobs(rng, shape).data.copy()
    labels[(slice(None),) * axis + (slice(None, None, 2),)] = 0  # no slice has a neighbour any more
    parts, _ = ndimage.label(labels > 0, np.ones((3, 3, 3)))
    return Volume(parts.astype(np.int32), AFFINE)


def _odd_images(rng: np.random.Generator) -> Iterator[Case]:
    shape = (41, 40, 15)
    i, j, k = np.indices(shape).astype(np.float32)
    images: dict[str, NDArray[np.float32]] = {
        "constant": np.full(shape, -34.7, dtype=np.float32),
        "zero": np.zeros(shape, dtype=np.float32),
        "constant but for rounding": (np.float32(50) + rng.normal(0, 1e-5, shape)).astype(np.float32),
        "two values": np.where(rng.random(shape) < 0.5, np.float32(-25), np.float32(25)),
        "checkerboard": np.where((i + j + k) % 2 > 0, np.float32(10), np.float32(60)),
        "ramp": 3 * i + 2 * j - 7 * k,
        "on the edges of grey levels": 25 * np.round(_texture(rng, shape).data / 25),
        "hundreds of grey levels": _texture(rng, shape, sd_ppb=1000.0).data,
    }
    for kind, data in images.items():
        yield Case(kind, Volume(data.astype(np.float32), AFFINE), _blobs(rng, shape))


def _ball(shape: tuple[int, int, int]) -> Volume:
    """A ball of about 20,000 voxels with a notch, cut by the volume's last slice."""
    i, j, k = np.indices(shape)
    ball = ((i - 35) / 28) ** 2 + ((j - 33) / 26) ** 2 + ((k - 15) / 11) ** 2 < 1
    ball &= ~((i > 40) & (np.abs(j - 33) < 4))
    return Volume(ball.astype(np.int32), AFFINE)
