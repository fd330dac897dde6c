"""Headers that place an image wrongly, twice, or nowhere."""

from __future__ import annotations

from collections.abc import Callable

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.images import load_image, load_labels, save_volume
from qsmrim_app.records import Volume
from tests import phantoms
from tests.robustness.cases import Case, judge, named, rows
from tests.robustness.session import SessionFiles, beside, rewrite

SECTION = "Geometry"
REFUSED = "refused, exit 65: "


def qsm_header(**fields) -> Callable[[SessionFiles], None]:
    return lambda files: rewrite(files.qsm, header=fields)


def in_unit(code: int, factor: float) -> Callable[[SessionFiles], None]:
    """The header of the QSM in another unit of length, and its numbers too."""

    def spoil(files: SessionFiles) -> None:
        affine = np.diag([factor, factor, factor, 1]) @ nib.load(files.qsm).affine
        rewrite(files.qsm, affine=affine, header={"xyzt_units": code})

    return spoil


def stored(axes: str) -> Callable[[SessionFiles], None]:
    def spoil(files: SessionFiles) -> None:
        for path in (files.qsm, files.flair, files.magnitude, files.lesions):
            phantoms.store_in_axes(path, axes)
        assert nib.aff2axcodes(nib.load(files.qsm).affine) == tuple(axes)

    return spoil


def sheared_affine() -> np.ndarray:
    affine = phantoms.qsm_grid(oblique=True).affine.copy()
    affine[:3, 2] += 0.3 * affine[:3, 1]  # a tilted gantry: slices are stacked at an angle
    return affine


def sheared(files: SessionFiles) -> None:
    grid = Volume(np.zeros(phantoms.QSM_SHAPE, dtype=bool), sheared_affine())
    drawn = phantoms.draw_head(grid)
    save_volume(drawn.magnitude, files.magnitude)
    save_volume(drawn.qsm, files.qsm)
    beside(files.qsm, ".json").write_text('{"Units": "ppb"}')


def sheared_lesions(result, undisturbed):
    found = load_labels(result.prepared.native_lesions).volume
    expected = load_labels(undisturbed.prepared.native_lesions).volume
    np.testing.assert_allclose(found.affine, sheared_affine(), atol=1e-4)
    for label in range(1, 6):  # as many mm3 at the same place
        volumes = [one.voxel_volume_mm3 * (one.data == label).sum() for one in (found, expected)]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.15)
        centres = [_centre_mm(one, label) for one in (found, expected)]
        np.testing.assert_allclose(*centres, atol=0.5)


def _centre_mm(labels: Volume, label: int) -> np.ndarray:
    return labels.affine[:3, :3] @ np.argwhere(labels.data == label).mean(axis=0) + labels.affine[:3, 3]


def other_qform(files: SessionFiles) -> None:
    image = nib.load(files.qsm)
    moved = image.affine.copy()
    moved[0, 3] += 20
    image.set_qform(moved, code=1)
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), None, image.header), files.qsm)
    assert abs(nib.load(files.qsm).get_qform() - nib.load(files.qsm).get_sform()).max() > 19


def only_qform(files: SessionFiles) -> None:
    rewrite(files.qsm, header={"sform_code": 0, "srow_x": [0] * 4, "srow_y": [0] * 4, "srow_z": [0] * 4})


def centred_at_zero(result, undisturbed):
    assumed = load_image(result.prepared.native_qsm).volume
    np.testing.assert_allclose(assumed.spacing_mm, phantoms.QSM_SPACING_MM, rtol=1e-5)
    middle = assumed.affine @ [*((np.array(assumed.shape) - 1) / 2), 1]
    np.testing.assert_allclose(middle[:3], 0, atol=1e-3)


def affine_with(value: float) -> Callable[[SessionFiles], None]:
    return qsm_header(srow_x=[value, 0, 0, 0])


def far_magnitude(files: SessionFiles) -> None:
    rewrite(files.magnitude, affine=phantoms.rigid((0, 0, 0), (900, 0, 0)) @ nib.load(files.magnitude).affine)


def magnitude_on_another_grid(files: SessionFiles) -> None:
    save_volume(phantoms.draw_head(phantoms.flair_grid()).magnitude, files.magnitude)


def one_slice(files: SessionFiles) -> None:
    rewrite(files.qsm, change=lambda data: data[:, :, 9:10])


def thick_sagittal_slices(files: SessionFiles) -> None:
    affine = nib.load(files.qsm).affine @ np.diag([4, 1, 1, 1])
    rewrite(files.qsm, change=lambda data: data[::4], affine=affine)


def slab(files: SessionFiles) -> None:
    image = nib.load(files.qsm)
    affine = image.affine @ phantoms.rigid((0, 0, 0), (0, 0, 10))  # the lower half was not scanned
    rewrite(files.qsm, change=lambda data: data[:, :, 10:], affine=affine)


def same_spacing_of_analysis(result, undisturbed):
    found, expected = (load_image(one.prepared.analysis_qsm).volume for one in (result, undisturbed))
    np.testing.assert_allclose(found.spacing_mm, expected.spacing_mm)


def lesion_4_outside(result, undisturbed):
    found = load_labels(result.prepared.native_lesions).volume.data
    expected = load_labels(undisturbed.prepared.native_lesions).volume.data
    np.testing.assert_array_equal(found, expected[:, :, 10:])


CASES = [
    Case(
        "Form codes that NIfTI does not know",
        "works, with a warning: what the header says, and the file",
        qsm_header(qform_code=77),
        r"sub-01_Chimap\.nii\.gz: qform_code 77 not valid",
    ),
    Case(
        "An sform and a pixdim that disagree, without a qform",
        "works, with a warning: the sform counts, and volumes are wrong if it is",
        qsm_header(qform_code=0, pixdim=[1, 1.5, 1.5, 3.5, 0, 0, 0, 0]),
        r"sub-01_Chimap\.nii\.gz: its voxels are .* by the sform, 1\.5 x 1\.5 x 3\.5 by pixdim",
    ),
    Case("Axes stored in another order and direction", "works", stored("PIR")),
    Case("A left-handed affine (radiological order)", "works", stored("LAS")),
    Case(
        "A sheared affine (tilted gantry)",
        "works, with a warning: the sform counts, for a qform holds no shear",
        sheared,
        r"sub-01_Chimap\.nii\.gz: qform and sform disagree; the sform was used",
        sheared_lesions,
    ),
    Case(
        "A qform and an sform that disagree by 20 mm",
        "works, with a warning: the sform counts",
        other_qform,
        r"sub-01_Chimap\.nii\.gz: qform and sform disagree; the sform was used",
    ),
    Case("A qform without sform", "works", only_qform),
    Case(
        "A qform that is no rotation beside a good sform",
        "works, with a warning: the sform counts",
        qsm_header(quatern_b=1.0, quatern_c=1.0, quatern_d=1.0),
        r"sub-01_Chimap\.nii\.gz: the qform is no rotation",
    ),
    Case(
        "No orientation at all (both codes 0)",
        "works, with a warning: the centre of the image is taken for that of the world",
        qsm_header(qform_code=0, sform_code=0),
        r"sub-01_Chimap\.nii\.gz: the header carries no orientation",
        centred_at_zero,
    ),
    Case(
        "A header in micrometres",
        "works, with a warning: it is converted to mm",
        in_unit(3, 1000),
        r"sub-01_Chimap\.nii\.gz: the header is in micrometres; it was converted to mm",
    ),
    Case(
        "A header in metres",
        "works, with a warning: it is converted to mm",
        in_unit(1, 0.001),
        r"sub-01_Chimap\.nii\.gz: the header is in metres",
    ),
    Case(
        "Micrometres named as the unit of numbers in mm",
        "works, with a warning: mm are taken",
        in_unit(3, 1),
        r"sub-01_Chimap\.nii\.gz: the header says micrometres, but its voxels fit a head only in mm",
    ),
    Case("No unit of length", "works", in_unit(0, 1)),
    Case(
        "Micrometres without the unit: voxels of 750 mm",
        REFUSED + "the voxels are those of no head",
        in_unit(0, 1000),
        r"sub-01_Chimap\.nii\.gz: voxels of 750 x 750 x 3000 mm are those of no head",
    ),
    Case(
        "Voxels of 0 mm",
        REFUSED + "the header gives no voxel size",
        qsm_header(sform_code=0, pixdim=[1, 0.75, 0, 3, 0, 0, 0, 0]),
        r"sub-01_Chimap\.nii\.gz: the header gives voxels of 0\.75 x 0 x 3 mm",
    ),
    Case(
        "An affine with a row of zeros",
        REFUSED + "its affine is not invertible",
        affine_with(0),
        r"sub-01_Chimap\.nii\.gz: its affine is not invertible",
    ),
    Case(
        "An affine that holds NaN",
        REFUSED + "its affine is not invertible",
        affine_with(np.nan),
        r"sub-01_Chimap\.nii\.gz: its affine is not invertible",
    ),
    Case(
        "A magnitude on another grid than the QSM",
        "works, with a warning: it is resampled by its header",
        magnitude_on_another_grid,
        r"sub-01_part-mag_T2starw\.nii\.gz: not on the grid of the QSM",
    ),
    Case(
        "A magnitude 90 cm away from the QSM",
        REFUSED + "the two images do not meet",
        far_magnitude,
        r"sub-01_part-mag_T2starw\.nii\.gz: this image and the QSM do not meet",
    ),
    Case(
        "A QSM of one slice",
        REFUSED + "it is too thin for a head",
        one_slice,
        r"sub-01_Chimap\.nii\.gz: it covers 48 x 48 x 3 mm",
    ),
    Case(
        "A QSM of thick sagittal slices",
        "works, with a warning: names the voxels, which are longer than the model's by twice or more",
        thick_sagittal_slices,
        r"the QSM has voxels of 3 x 0\.75 x 3 mm .* is looked at in voxels of 0\.75 x 0\.75 x 3 mm",
        same_spacing_of_analysis,
    ),
    Case(
        "A QSM that covers part of the head",
        "works, with a warning: lesions outside keep their row, not classified",
        slab,
        r"1 lesion\(s\) fill no voxel of the QSM's grid and cannot be measured: 4",
        lesion_4_outside,
    ),
]
ROWS = rows(SECTION, CASES, "robustness/test_geometry.py::test_geometry")


@pytest.mark.parametrize("case", named(CASES))
def test_geometry(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
