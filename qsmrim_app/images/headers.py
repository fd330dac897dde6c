"""Where a NIfTI header says that its voxels lie, in millimetres; what others may read differently is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from nibabel.openers import ImageOpener

from qsmrim_app.errors import UnreadableImageError
from qsmrim_app.images.orientation import has_three_axes
from qsmrim_app.records import FloatArray

SMALLEST_VOXEL_MM, LARGEST_VOXEL_MM = 0.05, 25.0  # an edge; no scan of a head has others
_MM_PER_UNIT = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}  # NIfTI-1 codes; 0 (unknown) and 2 are mm
_SPACE_UNIT_BITS = 0b111  # of xyzt_units


def affine_in_mm(image: Any, path: Path) -> tuple[FloatArray, list[str]]:
    """The affine of a NIfTI image in millimetres, shape (4, 4), and what was odd about its geometry.

    Of sform and qform nibabel takes the sform first. Metres and micrometres are converted where the voxels
    are then those of a head; where they are so only in millimetres, the unit in the header is taken for a
    mistake.

    Raises
    ------
    UnreadableImageError
        If the affine is not invertible, or the voxels are those of no head.
    """
    _require_voxel_sizes(image, path)
    affine = np.asarray(image.affine, dtype=np.float64)
    if not has_three_axes(affine):
        raise UnreadableImageError(
            f"{path}: its affine is not invertible; check the voxel size in the header"
        )
    code = int(image.header["xyzt_units"]) & _SPACE_UNIT_BITS
    name, factor = _MM_PER_UNIT.get(code, ("mm", 1.0))
    warnings = _orientation_warnings(image.header, path)
    if _fits_a_head(affine * factor):
        if factor != 1:
            warnings.append(f"{path.name}: the header is in {name}; it was converted to mm")
        return np.diag([factor, factor, factor, 1.0]) @ affine, warnings
    if not _fits_a_head(affine):
        raise UnreadableImageError(
            f"{path}: voxels of {_edges_text(_voxel_edges(affine))} {name} are those of no head; expected "
            f"edges of {SMALLEST_VOXEL_MM:g} to {LARGEST_VOXEL_MM:g} mm; correct the header"
        )
    warnings.append(
        f"{path.name}: the header says {name}, but its voxels fit a head only in mm, which were taken"
    )
    return affine, warnings


def _require_voxel_sizes(image: Any, path: Path) -> None:
    """Refuse voxel sizes of 0 where they count, without an sform: nibabel would make them 1 mm, unsaid."""
    if int(image.header["sform_code"]):
        return
    with ImageOpener(path) as file:
        stored = type(image.header).from_fileobj(file, check=False)
    sizes = np.asarray(stored["pixdim"][1:4], dtype=np.float64)
    if not (np.isfinite(sizes).all() and sizes.all()):
        raise UnreadableImageError(
            f"{path}: the header gives voxels of {_edges_text(sizes)} mm; correct the header"
        )


def _edges_text(edges: FloatArray) -> str:
    return " x ".join(f"{edge:g}" for edge in edges)


def _fits_a_head(affine: FloatArray) -> bool:
    edges = _voxel_edges(affine)
    if abs(np.linalg.det(affine[:3, :3])) < 1e-9:  # sheared until flat
        return False
    return bool((edges >= SMALLEST_VOXEL_MM).all() and (edges <= LARGEST_VOXEL_MM).all())


def _voxel_edges(affine: FloatArray) -> FloatArray:
    edges: FloatArray = np.linalg.norm(affine[:3, :3], axis=0)
    return edges


def _orientation_warnings(header: Any, path: Path) -> list[str]:
    """What of the geometry other programs may read differently."""
    sform, s_code = header.get_sform(coded=True)
    try:
        qform, q_code = header.get_qform(coded=True)
    except ValueError:  # a quaternion that is no rotation
        return [f"{path.name}: the qform is no rotation; the sform was used"]
    if not q_code and not s_code:
        return [
            f"{path.name}: the header carries no orientation (qform and sform codes 0): which side is left "
            "is not known and taken from the order of the voxels, and the centre is assumed"
        ]
    if q_code and s_code and not np.allclose(qform, sform, atol=1e-2):
        return [f"{path.name}: qform and sform disagree; the sform was used"]
    return _edge_warnings(sform, header, path) if s_code else []


def _edge_warnings(sform: FloatArray, header: Any, path: Path) -> list[str]:
    edges, pixdim = _voxel_edges(sform).round(4), np.asarray(header.get_zooms()[:3], np.float64).round(4)
    if not np.allclose(edges, pixdim, rtol=1e-2):
        return [
            f"{path.name}: its voxels are {_edges_text(edges)} by the sform, {_edges_text(pixdim)} by pixdim;"
            " the sform was used, and volumes are wrong if it is"
        ]
    return []
