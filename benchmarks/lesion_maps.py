"""Susceptibility maps with lesions of one size, as many as asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.records import Lesion, Volume

SHAPE = (256, 256, 48)
SPACING_MM = (0.75, 0.75, 3.0)
AFFINE = np.diag([*SPACING_MM, 1.0])
TEXTURE_PPB = 20.0  # standard deviation of the map


@dataclass(frozen=True, eq=False)
class LesionMap:
    """A map in ppb and its lesions."""

    qsm: Volume
    labels: Volume
    lesions: list[Lesion]


def lesion_maps(n_voxels: int, n_lesions: int) -> list[LesionMap]:
    """Maps with texture and irregular lesions of exactly ``n_voxels``; a new map where one is full."""
    maps: list[LesionMap] = []
    left = n_lesions
    for seed in range(n_lesions):
        maps.append(_map(n_voxels, left, seed))
        left -= len(maps[-1].lesions)
        if not left:
            break
    return maps


def _map(n_voxels: int, n_lesions: int, seed: int) -> LesionMap:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=SHAPE).astype(np.float32), (1.5, 1.5, 0.6))
    smooth /= smooth.std()
    radius_mm = (3 * n_voxels * np.prod(SPACING_MM) / (4 * np.pi)) ** (1 / 3)
    cell = [int(np.ceil(3 * radius_mm / spacing)) + 1 for spacing in SPACING_MM]
    away = [(np.arange(side) - side / 2) * size for side, size in zip(cell, SPACING_MM, strict=True)]
    distance = np.sqrt(away[0][:, None, None] ** 2 + away[1][:, None] ** 2 + away[2] ** 2)
    labels = np.zeros(SHAPE, dtype=np.int32)
    for label, place in zip(range(1, n_lesions + 1), _places(cell, rng), strict=False):
        part = tuple(slice(start, start + side) for start, side in zip(place, cell, strict=True))
        uneven = distance + 0.3 * radius_mm * smooth[part]
        inside = np.argsort(uneven, axis=None)[:n_voxels]
        labels[part].reshape(cell)[np.unravel_index(inside, cell)] = label
    volume = Volume(labels, AFFINE)
    return LesionMap(Volume(TEXTURE_PPB * smooth, AFFINE), volume, find_lesions(volume))


def _places(cell: list[int], rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Corners of cells that do not overlap, in random order."""
    corners = [range(0, size - side, side) for size, side in zip(SHAPE, cell, strict=True)]
    yield from rng.permutation(np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1).reshape(-1, 3))
