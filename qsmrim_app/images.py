"""NIfTI files in and out as volumes, susceptibility units, grids and resampling.

The only module that knows nibabel. In memory every volume is in RAS+ axis order (axes flipped or swapped,
never interpolated), susceptibility is in ppb and labels are int32, whatever the file holds.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.errors import GridMismatchError, InputError, UnitError, UnreadableImageError
from qsmrim_app.records import FloatArray, Volume

PPB_PER_PPM = 1000.0
MAX_VOXELS = 2**29  # half a gigavoxel: beyond any brain QSM; refused before it is read
_RAS = axcodes2ornt(("R", "A", "S"))
# Robust ranges (99.5th percentile of |value| over non-zero voxels) that no brain has in the other unit:
# tissue and veins stay within some +-0.5 ppm, and 10 ppm would be a metal.
_LARGEST_PPM = 3.0
_SMALLEST_PPB = 10.0


class Loaded(NamedTuple):
    """A volume in RAS+ order and what was odd about its file."""

    volume: Volume
    warnings: tuple[str, ...]


# ---- reading -----------------------------------------------------------------------------------------------
def load_image(path: Path) -> Loaded:
    """An intensity image, float32. Infinities and NaN become 0, with a warning.

    Raises
    ------
    UnreadableImageError
        If the file is no readable 3-D NIfTI image of real numbers.
    """
    image, warnings = _open(path)
    data = _read(image, path).astype(np.float32, copy=False)
    bad = ~np.isfinite(data)
    if bad.any():
        warnings.append(f"{path.name}: {int(bad.sum())} voxels are NaN or infinite; they were set to 0")
        data = np.where(bad, np.float32(0), data)
    return Loaded(to_ras(Volume(data, image.affine)), tuple(warnings))


def load_labels(path: Path) -> Loaded:
    """A label map, int32.

    Raises
    ------
    UnreadableImageError
        If the file is no readable 3-D NIfTI image.
    InputError
        If a value is negative, not a whole number, or beyond int32.
    """
    image, warnings = _open(path)
    data = _read(image, path)
    if not np.isfinite(data).all():
        raise InputError(
            f"{path}: a label map holds NaN or infinite values; write whole numbers, 0 for background"
        )
    if data.size and (data.min() < 0 or data.max() > np.iinfo(np.int32).max):
        raise InputError(
            f"{path}: labels run from {data.min():g} to {data.max():g}; expected 0 to 2147483647"
        )
    labels = np.rint(data).astype(np.int32)
    if np.abs(labels - data).max(initial=0) > 1e-4:
        odd = data[np.abs(labels - data) > 1e-4].flat[0]
        raise InputError(
            f"{path}: a label map holds {odd:g}; labels are whole numbers; threshold a probability map first"
        )
    return Loaded(to_ras(Volume(labels, image.affine)), tuple(warnings))


def read_grid(path: Path) -> Volume:
    """The grid of a file in its stored axis order, with empty data: for `in_storage_order`.

    Raises
    ------
    UnreadableImageError
        If the file is no readable 3-D NIfTI image.
    """
    image, _ = _open(path)
    empty = np.broadcast_to(np.zeros((), dtype=bool), image.shape[:3])
    return Volume(empty, image.affine)


def _open(path: Path) -> tuple[Any, list[str]]:
    try:
        image: Any = nib.load(path)
        shape = image.shape
        affine = image.affine
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{path}: the file does not exist (a dangling link?)") from error
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, gzip.BadGzipFile) as error:
        raise UnreadableImageError(f"{path}: not a readable NIfTI image ({error}); write it again") from error
    if not isinstance(image, nib.Nifti1Image):
        raise UnreadableImageError(f"{path}: expected NIfTI, found {type(image).__name__}; convert it")
    if len(shape) < 3 or math.prod(shape[3:]) != 1:
        raise UnreadableImageError(
            f"{path}: expected one 3-D volume, found shape {tuple(shape)}; extract one volume"
        )
    if math.prod(shape) > MAX_VOXELS or 0 in shape:
        raise UnreadableImageError(f"{path}: shape {tuple(shape)} is no image of a head; check the header")
    if image.get_data_dtype().kind not in "biuf":
        raise UnreadableImageError(f"{path}: expected real numbers, found data type {image.get_data_dtype()}")
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise UnreadableImageError(
            f"{path}: its affine is not invertible; check the voxel size in the header"
        )
    return image, _header_warnings(image, path)


def _read(image: Any, path: Path) -> NDArray[Any]:
    try:
        data = np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError, MemoryError, gzip.BadGzipFile) as error:
        raise UnreadableImageError(
            f"{path}: the image data is damaged ({error}); copy the file again"
        ) from error
    whole: NDArray[Any] = data.reshape(data.shape[:3])
    return whole


def _header_warnings(image: Any, path: Path) -> list[str]:
    """What of the geometry other programs may read differently; the volume takes the sform first."""
    header = image.header
    qform, q_code = header.get_qform(coded=True)
    sform, s_code = header.get_sform(coded=True)
    if not q_code and not s_code:
        return [
            f"{path.name}: the header carries no orientation (qform and sform codes 0); the centre is assumed"
        ]
    if q_code and s_code and not np.allclose(qform, sform, atol=1e-2):
        return [f"{path.name}: qform and sform disagree; the sform was used"]
    return []


# ---- orientation -------------------------------------------------------------------------------------------
def to_ras(volume: Volume) -> Volume:
    """The same image with its axes flipped and swapped to run closest to right, anterior, superior."""
    return _reorient(volume, _RAS)


def in_storage_order(volume: Volume, stored: Volume) -> Volume:
    """The inverse of `to_ras`: ``volume`` with the axis order and directions of ``stored``."""
    return _reorient(volume, io_orientation(stored.affine))


def _reorient(volume: Volume, target: NDArray[Any]) -> Volume:
    transform = ornt_transform(io_orientation(volume.affine), target)
    data = np.ascontiguousarray(apply_orientation(volume.data, transform))
    return Volume(data, volume.affine @ inv_ornt_aff(transform, volume.shape))


# ---- units -------------------------------------------------------------------------------------------------
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
    if values.min() == values.max() and (data != 0).all():
        raise UnitError(f"{path}: the susceptibility map is constant")
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


# ---- grids -------------------------------------------------------------------------------------------------
def same_grid(one: Volume, other: Volume, tolerance_mm: float = 1e-2) -> bool:
    """Whether two volumes share shape and, to within ``tolerance_mm`` at every corner, position."""
    if one.shape != other.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.shape], indexing="ij")).reshape(3, -1)
    moved = (one.affine - other.affine)[:3, :3] @ corners + (one.affine - other.affine)[:3, 3:]
    return bool(np.abs(moved).max() <= tolerance_mm)


def require_same_grid(one: Volume, other: Volume, what: str) -> None:
    """Pass silently if two volumes share a grid.

    Raises
    ------
    GridMismatchError
        If they do not; ``what`` names both.
    """
    if not same_grid(one, other):
        raise GridMismatchError(
            f"{what} must share one grid: shapes {one.shape} and {other.shape}, or their affines"
        )


def grid_with_spacing(volume: Volume, spacing_mm: tuple[float, float, float]) -> Volume:
    """An empty grid over the same field of view and along the same axes with another voxel size.

    The outer faces of the first voxels coincide; the last voxel may reach beyond the field of view by part
    of a voxel. Where every voxel size agrees to a thousandth, the grid itself comes back.
    """
    old, new = np.array(volume.spacing_mm), np.array(spacing_mm)
    if np.allclose(old, new, rtol=1e-3):
        return volume.with_data(np.broadcast_to(np.zeros((), dtype=bool), volume.shape))
    shape = np.maximum(1, np.ceil(np.array(volume.shape) * old / new - 1e-3)).astype(int)
    affine = volume.affine.copy()
    affine[:3, :3] *= new / old
    affine[:3, 3] += volume.affine[:3, :3] @ ((new / old - 1) / 2)
    return Volume(np.broadcast_to(np.zeros((), dtype=bool), tuple(shape)), affine)


# ---- resampling --------------------------------------------------------------------------------------------
def resample_image(source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None = None) -> Volume:
    """An image on another grid: trilinear, averaged over each target voxel where that is the larger one.

    Parameters
    ----------
    source
        The image.
    grid
        Where it is wanted; only shape and affine count.
    grid_to_source_mm
        Shape (4, 4): world point of the grid to world point of the source, RAS millimetres. None: identity.

    Returns
    -------
    Volume
        float32; 0 where the source does not reach. On its own grid an image comes back untouched.
    """
    if _is_identity(grid_to_source_mm) and same_grid(source, grid):
        return Volume(source.data, grid.affine)
    data = source.data.astype(np.float32, copy=False)
    total = np.zeros(grid.shape, dtype=np.float64)
    offsets = _subvoxel_offsets(source, grid)
    for offset in offsets:
        matrix, start = _grid_to_voxel(source, grid, grid_to_source_mm, offset)
        total += ndimage.affine_transform(
            data, matrix, start, output_shape=grid.shape, order=1, output=np.float32
        )
    return Volume((total / len(offsets)).astype(np.float32), grid.affine)


def resample_labels(source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None = None) -> Volume:
    """A label map on another grid: each voxel takes the label that fills most of it, background included.

    The voxel is sampled at several points, by nearest neighbour; no label that the source lacks can arise. A
    label that fills no voxel vanishes, which the caller must notice. At equal shares the smaller label wins,
    and any lesion wins over background.

    Parameters
    ----------
    source
        Labels, int32.
    grid, grid_to_source_mm
        As in `resample_image`.

    Returns
    -------
    Volume
        int32; 0 where the source does not reach.
    """
    if _is_identity(grid_to_source_mm) and same_grid(source, grid):
        return Volume(source.data, grid.affine)
    offsets = _subvoxel_offsets(source, grid, finest=2)
    best_share = np.zeros(grid.shape, dtype=np.int16)
    best = np.zeros(grid.shape, dtype=np.int32)
    samples = [
        ndimage.affine_transform(
            source.data, matrix, start, output_shape=grid.shape, order=0, output=np.int32
        )
        for matrix, start in (_grid_to_voxel(source, grid, grid_to_source_mm, offset) for offset in offsets)
    ]
    touched = np.any([sample != 0 for sample in samples], axis=0)
    votes = np.stack([sample[touched] for sample in samples])  # (offsets, touched voxels)
    winner, share = best[touched], best_share[touched]
    for label in np.unique(votes):
        count = (votes == label).sum(axis=0).astype(np.int16)
        better = count >= share if label == 0 else count > share
        if label > 0:  # a lesion that ties with background keeps the voxel
            better |= (count == share) & (winner == 0)
        winner = np.where(better, np.int32(label), winner)
        share = np.where(better, count, share)
    best[touched] = winner
    return Volume(best, grid.affine)


def _subvoxel_offsets(source: Volume, grid: Volume, finest: int = 1) -> list[tuple[float, ...]]:
    """Points inside a voxel, in voxel units: as many along an axis as source voxels fit, at least ``finest``."""
    smallest = min(source.spacing_mm)
    counts = [max(finest, math.ceil(size / smallest - 0.25)) for size in grid.spacing_mm]
    steps = [[(step + 0.5) / count - 0.5 for step in range(count)] for count in counts]
    return [(i, j, k) for i in steps[0] for j in steps[1] for k in steps[2]]


def _grid_to_voxel(
    source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None, offset: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Matrix (3, 3) and offset (3,) that take a voxel of the grid to a voxel of the source."""
    world = np.eye(4) if grid_to_source_mm is None else grid_to_source_mm
    full = np.linalg.inv(source.affine) @ world @ grid.affine
    return full[:3, :3], full[:3, :3] @ np.array(offset) + full[:3, 3]


def _is_identity(matrix: FloatArray | None) -> bool:
    return matrix is None or np.allclose(matrix, np.eye(4), atol=1e-6)


# ---- writing -----------------------------------------------------------------------------------------------
def save_volume(volume: Volume, path: Path) -> None:
    """Write a NIfTI-1 file: the same volume always gives the same bytes.

    qform and sform agree and carry code 1, so that no program reads another geometry than this one wrote.
    bool is stored as uint8, int32 labels as int16 where they fit.
    """
    path.write_bytes(nifti_bytes(volume, compressed=path.suffix == ".gz"))


def nifti_bytes(volume: Volume, compressed: bool) -> bytes:
    """The bytes of the file that `save_volume` writes; gzip carries no time and no name."""
    data = volume.data
    if data.dtype == bool:
        data = data.astype(np.uint8)
    elif data.dtype.kind in "iu" and data.max(initial=0) <= np.iinfo(np.int16).max:
        data = data.astype(np.int16)
    image = nib.Nifti1Image(np.asarray(data), volume.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(volume.affine, code=1)
    image.set_qform(volume.affine, code=1, strip_shears=True)
    raw = image.to_bytes()
    return gzip.compress(raw, compresslevel=6, mtime=0) if compressed else raw
