"""What is wrong with the input, in one sentence an error, with the file; and the input made uniform."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.errors import GridMismatchError, InputError
from qsmrim_app.images import Loaded, load_image, load_labels, same_grid, susceptibility_unit, to_ppb
from qsmrim_app.lesions.labelling import label_lesions
from qsmrim_app.preprocessing.background import keep_measured_zeros, zero_background
from qsmrim_app.preprocessing.padding import above_zero, zero_padding
from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.records import LesionKind, SpaceName, Volume

_SMALLEST_EXTENT_MM = 10.0  # of a scan of a head along any axis
_LARGEST_PIECE = 0.75  # share of a lesion's voxels in its largest piece, below which it is scattered
_LARGEST_SHARE_OUTSIDE = 0.5  # of lesion voxels; beyond it the map belongs to another head or another space


class LoadedLesions(NamedTuple):
    """Numbered lesions on the grid they were drawn on."""

    labels: Volume
    space: SpaceName
    warnings: tuple[str, ...]


_LARGEST_OVER_BRIGHT = 20.0  # times the brightness that one voxel in a thousand exceeds
_LARGEST_PPB = 1e5  # ten times what air and bone differ by from tissue; a damaged or filled-in voxel


def load_qsm(path: Path, stated_unit: str | None) -> tuple[Volume, str, tuple[str, ...]]:
    """The susceptibility in ppb, the unit that the file holds, and what was odd about the file.

    Raises
    ------
    UnreadableImageError, UnitError
        If the file is no image, or its unit cannot be decided.
    InputError
        If it is too thin for a head.
    """
    loaded = load_image(path)
    _require_extent(loaded.volume, path)
    measured, doubts = zero_background(loaded.volume, path)
    measured, coarse = keep_measured_zeros(measured, path)
    measured, filled = zero_padding(measured, path, is_signed=True)
    unit = susceptibility_unit(measured.data, stated_unit, path)
    guess = f"{path.name}: its sidecar gives no Units; by their range the values were taken for {unit}"
    warnings = (*loaded.warnings, *doubts, *coarse, *filled, *(() if stated_unit else (guess,)))
    qsm = to_ppb(measured, unit)
    absurd = np.abs(qsm.data) > _LARGEST_PPB
    if absurd.any():
        said = f"{path.name}: {int(absurd.sum())} voxels are beyond {_LARGEST_PPB:g} ppb; they were set to 0"
        return qsm.with_data(np.where(absurd, np.float32(0), qsm.data)), unit, (*warnings, said)
    return qsm, unit, warnings


def load_intensities(path: Path) -> Loaded:
    """A FLAIR or magnitude image, float32.

    Raises
    ------
    UnreadableImageError
        If the file is no image.
    InputError
        If all its voxels are equal, none is positive, or it is too thin for a head.
    """
    loaded = load_image(path)
    low = loaded.volume.data.min()
    if low == loaded.volume.data.max():
        raise InputError(f"{path}: every voxel is {low:g}; an image of a head was expected")
    measured, filled = zero_padding(loaded.volume, path)
    high = measured.data.max()
    if high <= 0:
        raise InputError(
            f"{path}: no voxel is above 0 (the largest is {high:g}); expected the intensities of a FLAIR or "
            "magnitude image, which are positive"
        )
    _require_extent(measured, path)
    even = _without_spikes(Loaded(measured, (*loaded.warnings, *filled)), path)
    positive, moved = above_zero(even.volume, path)
    return Loaded(positive, (*even.warnings, *moved))


def load_on_qsm_grid(path: Path, qsm: Volume) -> Loaded:
    """A magnitude image on the grid of the QSM, moved there by its header if it lies on another.

    Raises
    ------
    GridMismatchError
        If it does not reach the QSM.
    """
    loaded = load_intensities(path)
    if same_grid(loaded.volume, qsm):
        return loaded
    moved = resample_image(loaded.volume, qsm)
    if not moved.data.any():
        raise GridMismatchError(f"{path}: this image and the QSM do not meet; check the headers of both")
    note = f"{path.name}: not on the grid of the QSM; it was resampled onto it by its header"
    return Loaded(moved, (*loaded.warnings, note))


def load_lesions(
    path: Path, kind: LesionKind | Literal["rims"], qsm: Volume, flair: Volume, stated: SpaceName | None
) -> LoadedLesions:
    """The lesions of a label map or a mask, numbered, and the space that their grid belongs to.

    Parameters
    ----------
    path
        The file.
    kind
        A mask is split into lesions that touch (26-connected); instances keep their labels. Experts' maps of
        rims keep theirs too, whatever they stand for.
    qsm, flair
        The two grids the map may lie on.
    stated
        The space that the file name gives. The grid decides; the name only where both grids are one.

    Raises
    ------
    InputError
        If the labels are not whole numbers from 0.
    GridMismatchError
        If the map lies on neither grid.
    """
    labels, warnings = load_labels(path)
    space, doubts = _space(labels, qsm, flair, stated, path)
    if kind == "mask":
        doubts += _mask_doubts(labels, path)
        labels = label_lesions(labels)
    elif kind == "instances":
        doubts += _instance_doubts(labels, path)
    return LoadedLesions(labels, space, (*warnings, *doubts))


def check_inside_head(lesions: Volume, brain_mask: Volume, path: Path) -> None:
    """Pass silently if the lesions lie in the brain, or if there are none.

    Parameters
    ----------
    lesions, brain_mask
        Labels and bool on one grid, after registration.
    path
        The lesion file, for the message.

    Raises
    ------
    InputError
        If most lesion voxels lie outside the brain mask.
    """
    inside = brain_mask.data[lesions.data > 0]
    if inside.size and (~inside).mean() > _LARGEST_SHARE_OUTSIDE:
        raise InputError(
            f"{path}: {(~inside).mean():.0%} of the lesion voxels lie outside the brain; check that the map "
            "belongs to this session and that it lies in the space that its grid says"
        )


def _without_spikes(loaded: Loaded, path: Path) -> Loaded:
    """The image without voxels that are no tissue: they would fill the histograms of N4 and registration."""
    positive = loaded.volume.data[loaded.volume.data > 0]
    limit = np.float32(_LARGEST_OVER_BRIGHT * np.percentile(positive, 99.9))
    spikes = np.abs(loaded.volume.data) > limit
    if not spikes.any():
        return loaded
    said = (
        f"{path.name}: {int(spikes.sum())} voxels are more than {_LARGEST_OVER_BRIGHT:g} times brighter (or "
        f"darker) than nearly all others; they were set to {limit:.4g}, with their sign"
    )
    return Loaded(
        loaded.volume.with_data(np.clip(loaded.volume.data, -limit, limit)), (*loaded.warnings, said)
    )


def _require_extent(volume: Volume, path: Path) -> None:
    extent_mm = np.multiply(volume.shape, volume.spacing_mm)
    if extent_mm.min() < _SMALLEST_EXTENT_MM:
        covered = " x ".join(f"{edge:.3g}" for edge in extent_mm)
        raise InputError(
            f"{path}: it covers {covered} mm, too thin for a head; give the whole volume, or correct its "
            "header"
        )


def _space(
    labels: Volume, qsm: Volume, flair: Volume, stated: SpaceName | None, path: Path
) -> tuple[SpaceName, tuple[str, ...]]:
    fits: list[SpaceName] = []
    if same_grid(labels, qsm):
        fits.append("QSM")
    if same_grid(labels, flair):
        fits.append("FLAIR")
    if not fits:
        _refuse_moved(labels, {"QSM": qsm, "FLAIR": flair}, path)
        raise GridMismatchError(
            f"{path}: this map lies neither on the grid of the QSM {qsm.shape} nor on that of the FLAIR "
            f"{flair.shape}, but on one of {labels.shape}; resample it onto one of them"
        )
    if stated is None or stated in fits:
        return stated or fits[0], ()
    return fits[0], (
        f"{path.name}: the name says {stated} space, but the grid is that of the {fits[0]}; the grid won",
    )


def _refuse_moved(labels: Volume, grids: dict[str, Volume], path: Path) -> None:
    """Say so where a map has the voxels of an image, but lies elsewhere."""
    for name, grid in grids.items():
        if labels.shape == grid.shape:
            away_mm = np.linalg.norm((labels.affine - grid.affine) @ [*((np.array(grid.shape) - 1) / 2), 1])
            raise GridMismatchError(
                f"{path}: this map has the shape of the {name}, but its header puts its centre {away_mm:.2g} "
                "mm away or turns it; copy the header of the image if the voxels belong together"
            )


def _mask_doubts(labels: Volume, path: Path) -> tuple[str, ...]:
    n = int(np.unique(labels.data[labels.data > 0]).size)
    if n < 2:
        return ()
    return (f"{path.name}: a binary mask was expected, but it holds {n} labels; all were taken as lesion",)


def _instance_doubts(labels: Volume, path: Path) -> tuple[str, ...]:
    """Labels that are no lesion by their shape: that of a binary mask, or those of a map of regions."""
    present = np.unique(labels.data[labels.data > 0])
    compact = np.where(labels.data > 0, np.searchsorted(present, labels.data) + 1, 0)  # 1, 2, 3 ...
    boxes = ndimage.find_objects(compact)  # a list as long as the largest number
    pieces = {
        n: _pieces(labels.data[box] == n) for n, box in zip(present.tolist(), boxes, strict=True) if box
    }
    if len(pieces) == 1:
        (sizes,) = pieces.values()
        said = (
            f"one label in {len(sizes)} separate pieces counts as one lesion; a binary mask should be named "
        )
        return (f"{path.name}: {said}label-lesion_mask",) if len(sizes) > 1 else ()
    scattered = [n for n, sizes in pieces.items() if sizes.max() < _LARGEST_PIECE * sizes.sum()]
    if not scattered:
        return ()
    some = ", ".join(map(str, scattered[:5])) + (" ..." if len(scattered) > 5 else "")
    return (
        f"{path.name}: {len(scattered)} label(s) lie in separate pieces and count as one lesion each "
        f"({some}); a map of regions is no map of lesions",
    )


def _pieces(inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The number of voxels of every piece (26-connected)."""
    found, _ = ndimage.label(inside, structure=np.ones((3, 3, 3)))
    return np.bincount(found.ravel())[1:]
