"""What reading an image file may take, decided before: a small file can promise, or inflate to, any size."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from qsmrim_app.errors import UnreadableImageError

LARGEST_EXTENSIONS = 2**24  # bytes between header and voxels; DICOM headers and CIFTI trees stay below
_SLACK = 2**20  # bytes after the last voxel that do no harm
_DEFLATE = 1032  # the most that a byte of gzip can become
_SMALLEST_EXTENSION = 16
_NIFTI_1, _NIFTI_2 = 348, 540  # bytes of the header, which both begin with
_CIFTI = range(3000, 3100)  # intent codes of NIfTI-2 whose extension is XML


class _Header(NamedTuple):
    """Byte order, bytes of the header, where the voxels begin, and what they mean."""

    order: str
    size: int
    offset: float
    intent: int = 0


def check_beginning(path: Path) -> None:
    """Pass silently if what comes before the voxels can be read safely.

    Raises
    ------
    UnreadableImageError
        If the path is no regular file, it does not begin like NIfTI, or its header extensions are huge or
        damaged.
    OSError, EOFError, zlib.error
        If the compression is damaged.
    """
    if path.exists() and not path.is_file():
        raise UnreadableImageError(f"{path} is no regular file; expected an image")
    if not path.name.endswith((".nii", ".nii.gz")):
        raise UnreadableImageError(f"{path}: expected NIfTI (.nii or .nii.gz); convert it")
    with _opened(path) as opened:
        beginning = opened.read(_NIFTI_2)
        header = _header(beginning)
        if header is None:  # nibabel would correct a wrong size of the header, and read on
            raise UnreadableImageError(
                f"{path}: not a readable NIfTI image (it does not begin with the size of a NIfTI header); "
                "write it again"
            )
        if header.intent in _CIFTI:
            raise UnreadableImageError(f"{path}: expected a NIfTI volume, found CIFTI; convert it")
        if not header.size <= header.offset <= LARGEST_EXTENSIONS:
            raise UnreadableImageError(
                f"{path}: by its header the voxels begin at byte {header.offset:g}; write the image again"
            )
        opened.seek(header.size)
        if opened.read(4)[:1] not in (b"", b"\0"):
            _check_extensions(opened, header, path)


def check_promise(image: Any, path: Path) -> None:
    """Pass silently if the file is large enough for the voxels that its header promises.

    Parameters
    ----------
    image
        A nibabel image that has not been read.
    path
        Its file.

    Raises
    ------
    UnreadableImageError
        If it is not.
    """
    wanted, stored = _promised(image), path.stat().st_size
    most = stored * _DEFLATE if path.suffix == ".gz" else stored
    if wanted > most:
        raise UnreadableImageError(
            f"{path}: the header promises {wanted} bytes, but the file of {stored} holds at most {most}; "
            "copy the file again"
        )


def read_to_the_end(image: Any, path: Path) -> None:
    """Let gzip compare its checksum: nibabel stops before it, and a damaged copy would pass for an image.

    Raises
    ------
    UnreadableImageError
        If much more comes out than the header promises.
    OSError, EOFError, zlib.error
        If the compression is damaged.
    """
    left = _promised(image) + _SLACK
    with gzip.open(path) as file:
        while piece := file.read(2**20):
            left -= len(piece)
            if left < 0:
                raise UnreadableImageError(
                    f"{path}: more comes out of this file than the {_promised(image)} bytes that its header "
                    "promises; compress the image again"
                )


def _promised(image: Any) -> int:
    n_voxels = int(math.prod(image.shape))
    return int(image.dataobj.offset) + n_voxels * int(image.get_data_dtype().itemsize)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _header(beginning: bytes) -> _Header | None:
    """What a file begins with; None where it is no NIfTI header."""
    for order in "<>":
        if len(beginning) >= _NIFTI_1 and beginning[:4] == struct.pack(f"{order}i", _NIFTI_1):
            return _Header(order, _NIFTI_1, struct.unpack_from(f"{order}f", beginning, 108)[0])
        if len(beginning) >= _NIFTI_2 and beginning[:4] == struct.pack(f"{order}i", _NIFTI_2):
            (offset,) = struct.unpack_from(f"{order}q", beginning, 168)
            (intent,) = struct.unpack_from(f"{order}i", beginning, 504)
            return _Header(order, _NIFTI_2, offset, intent)
    return None


def _check_extensions(opened: IO[bytes], header: _Header, path: Path) -> None:
    """Walk along the extensions of a header, as nibabel will, which takes their sizes for granted."""
    begin = header.size + 4
    while begin != header.offset:  # nibabel ends there, and where less than an extension is left
        opened.seek(begin)
        head = opened.read(8)
        size = struct.unpack(f"{header.order}i", head[:4])[0] if len(head) == 8 else 0
        left = header.offset - begin
        if 0 < left < _SMALLEST_EXTENSION:
            return
        if not _SMALLEST_EXTENSION <= size <= left:
            raise UnreadableImageError(
                f"{path}: a header extension of {size} bytes is damaged; write it again"
            )
        begin += size
