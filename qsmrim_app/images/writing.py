"""Write volumes as NIfTI-1: the same volume always gives the same bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np

from qsmrim_app.records import Volume


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
