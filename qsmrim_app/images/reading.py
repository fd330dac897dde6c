"""Read NIfTI files as volumes in RAS+ axis order, and refuse what is none."""

from __future__ import annotations

import gzip
import logging
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from nibabel import imageglobals
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from qsmrim_app.errors import InputError, UnreadableImageError
from qsmrim_app.images.headers import affine_in_mm
from qsmrim_app.images.orientation import to_ras
from qsmrim_app.images.stored_size import check_beginning, check_promise, read_to_the_end
from qsmrim_app.records import FloatArray, Volume

MAX_VOXELS = 2**29  # half a gigavoxel: beyond any brain QSM; refused before it is read


class Loaded(NamedTuple):
    """A volume in RAS+ order and what was odd about its file."""

    volume: Volume
    warnings: tuple[str, ...]


def load_image(path: Path) -> Loaded:
    """An intensity image, float32. Infinities and NaN become 0, with a warning.

    Raises
    ------
    UnreadableImageError
        If the file is no readable 3-D NIfTI image of real numbers.
    """
    image, affine, warnings = _open(path)
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, which is counted below
        data = _read(image, path).astype(np.float32, copy=False)
    bad = ~np.isfinite(data)
    if bad.any():
        warnings.append(f"{path.name}: {int(bad.sum())} voxels are NaN or infinite; they were set to 0")
        data = np.where(bad, np.float32(0), data)
    return Loaded(to_ras(Volume(data, affine)), tuple(warnings))


def load_labels(path: Path) -> Loaded:
    """A label map, int32.

    Raises
    ------
    UnreadableImageError
        If the file is no readable 3-D NIfTI image.
    InputError
        If a value is negative, not a whole number, or beyond int32.
    """
    image, affine, warnings = _open(path)
    data = _read(image, path)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise InputError(
            f"{path}: a label map holds NaN or infinite values; write whole numbers, 0 for background"
        )
    if data.size and (data.min() < 0 or float(data.max()) > np.iinfo(np.int32).max):
        raise InputError(
            f"{path}: labels run from {data.min():g} to {data.max():g}; expected 0 to 2147483647"
        )
    if data.dtype.kind != "f":
        return Loaded(to_ras(Volume(data.astype(np.int32), affine)), tuple(warnings))
    labels = np.rint(data).astype(np.int32)
    apart = np.abs(labels - data) > 1e-4
    if apart.any():
        odd = data[apart].flat[0]
        raise InputError(
            f"{path}: a label map holds {odd:g}; labels are whole numbers; threshold a probability map first"
        )
    return Loaded(to_ras(Volume(labels, affine)), tuple(warnings))


def read_grid(path: Path) -> Volume:
    """The grid of a file in its stored axis order, with empty data: for `in_storage_order`.

    Raises
    ------
    UnreadableImageError
        If the file is no readable 3-D NIfTI image.
    """
    image, affine, _ = _open(path)
    empty = np.broadcast_to(np.zeros((), dtype=bool), image.shape[:3])
    return Volume(empty, affine)


def _open(path: Path) -> tuple[Any, FloatArray, list[str]]:
    try:
        check_beginning(path)
        with _nibabel_remarks() as remarks:
            image: Any = nib.load(path)
        shape = image.shape
    except UnreadableImageError:
        raise
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{path}: the file does not exist (a dangling link?)") from error
    except (
        ImageFileError,
        HeaderDataError,
        OSError,
        EOFError,
        ValueError,
        gzip.BadGzipFile,
        zlib.error,
    ) as error:
        raise UnreadableImageError(
            f"{path}: not a readable NIfTI image ({_one_line(error)}); write it again"
        ) from error
    if not isinstance(image, nib.Nifti1Image):
        raise UnreadableImageError(f"{path}: expected NIfTI, found {type(image).__name__}; convert it")
    if len(shape) < 3 or math.prod(shape[3:]) != 1:
        raise UnreadableImageError(
            f"{path}: expected one 3-D volume, found shape {tuple(shape)}; extract one volume"
        )
    if math.prod(shape) > MAX_VOXELS or min(shape) < 1:
        raise UnreadableImageError(f"{path}: shape {tuple(shape)} is no image of a head; check the header")
    check_promise(image, path)
    if image.get_data_dtype().kind not in "biuf":
        raise UnreadableImageError(f"{path}: expected real numbers, found data type {image.get_data_dtype()}")
    affine, warnings = affine_in_mm(image, path)
    return image, affine, [*(f"{path.name}: {remark}" for remark in remarks), *warnings]


@contextmanager
def _nibabel_remarks() -> Iterator[list[str]]:
    """What nibabel says of a header that it corrects; it would print so without naming the file."""
    log, collector = imageglobals.logger, _Collector()
    handlers, propagate = log.handlers, log.propagate
    log.handlers, log.propagate = [collector], False
    try:
        yield collector.texts
    finally:
        log.handlers, log.propagate = handlers, propagate


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def _read(image: Any, path: Path) -> NDArray[Any]:
    try:
        data = np.asanyarray(image.dataobj)
        if path.suffix == ".gz":
            read_to_the_end(image, path)
    except UnreadableImageError:
        raise
    except (OSError, EOFError, ValueError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableImageError(
            f"{path}: the image data is damaged ({_one_line(error)}); copy the file again"
        ) from error
    whole: NDArray[Any] = data.reshape(data.shape[:3])
    return _with_zeros(whole, image)


def _with_zeros(data: NDArray[Any], image: Any) -> NDArray[Any]:
    """The data of scaled integers, where the one that stands nearest to 0 is 0.

    With an offset (``scl_inter``) 0 itself can often not be stored, and a masked image would seem unmasked.
    """
    if not image.dataobj.inter or image.get_data_dtype().kind not in "iu":
        return data
    return np.where(np.abs(data) <= abs(image.dataobj.slope) / 2, data.dtype.type(0), data)


def _one_line(error: Exception) -> str:
    """The text of a foreign error, fit to stand in a sentence."""
    return " ".join(str(error).split())
