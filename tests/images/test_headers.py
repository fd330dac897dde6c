"""Units of length, voxel sizes and rotations that a header gives wrongly."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.errors import UnreadableImageError
from qsmrim_app.images import load_image, load_labels
from qsmrim_app.images.headers import affine_in_mm

MM, METRE, MICROMETRE = 2, 1, 3


def image(tmp_path: Path, edge: float, unit: int = 0, **fields) -> tuple[nib.Nifti1Image, Path]:
    """An image of cubic voxels, read back from a file; ``fields`` of its header are set as they are."""
    made = nib.Nifti1Image(np.zeros((4, 4, 4), dtype=np.uint8), np.diag([edge, edge, edge, 1]))
    made.set_sform(made.affine, code=1)
    made.set_qform(made.affine, code=1)
    raw = made.to_bytes()
    header = nib.Nifti1Header(raw[:348])
    header["xyzt_units"] = unit
    for name, value in fields.items():
        header[name] = value
    path = tmp_path / "sub-01_Chimap.nii"
    path.write_bytes(header.binaryblock + raw[348:])
    return nib.load(path), path


@pytest.mark.parametrize(
    ("edge", "unit", "edge_mm", "said"),
    [
        (0.75, MM, 0.75, ""),
        (0.75, 0, 0.75, ""),
        (750, MICROMETRE, 0.75, "the header is in micrometres"),
        (0.00075, METRE, 0.75, "the header is in metres"),
        (0.75, MICROMETRE, 0.75, "the header says micrometres, but"),
        (1.0, METRE, 1.0, "the header says metres, but"),
        (1.0, METRE | 8, 1.0, "the header says metres, but"),  # with seconds as the unit of time
    ],
)
def test_voxels_come_in_mm(tmp_path, edge, unit, edge_mm, said):
    affine, warnings = affine_in_mm(*image(tmp_path, edge, unit))
    np.testing.assert_allclose(affine, np.diag([edge_mm, edge_mm, edge_mm, 1]), rtol=1e-6)
    assert len(warnings) == bool(said)
    assert said in "".join(warnings)


@pytest.mark.parametrize("edge", [0.01, 30.0, 750.0])
def test_voxels_of_no_head_are_refused(tmp_path, edge):
    with pytest.raises(UnreadableImageError, match=rf"voxels of {edge:g} x {edge:g} x {edge:g} mm"):
        affine_in_mm(*image(tmp_path, edge))


def test_voxels_of_0_mm_count_only_without_an_sform(tmp_path):
    pixdim = [1, 1, 0, 1, 0, 0, 0, 0]
    affine, _ = affine_in_mm(*image(tmp_path, 1.0, pixdim=pixdim))
    np.testing.assert_allclose(affine, np.eye(4))
    with pytest.raises(UnreadableImageError, match="gives voxels of 1 x 0 x 1 mm"):
        affine_in_mm(*image(tmp_path, 1.0, pixdim=pixdim, sform_code=0))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
def test_labels_lie_where_the_image_of_the_same_header_does(tmp_path, dtype):
    made = nib.Nifti1Image(np.ones((4, 4, 4), dtype=dtype), np.diag([750.0, 750.0, 3000.0, 1]))
    made.header["xyzt_units"] = MICROMETRE
    path = tmp_path / "sub-01_dseg.nii"
    nib.save(made, path)
    for load in (load_labels, load_image):
        found = load(path)
        np.testing.assert_allclose(found.volume.affine, np.diag([0.75, 0.75, 3.0, 1]), rtol=1e-6)
        assert "the header is in micrometres" in found.warnings[0]
