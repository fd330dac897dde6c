"""Files that are no image, half an image, or an image of something else."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.images import load_image
from tests.robustness.cases import Case, judge, named, rows, same_lesions
from tests.robustness.session import SessionFiles, rewrite, rewrite_raw

SECTION = "NIfTI files"


def write(content: bytes) -> Callable[[SessionFiles], None]:
    return lambda files: files.qsm.write_bytes(content) and None


def qsm(**changes) -> Callable[[SessionFiles], None]:
    return lambda files: rewrite(files.qsm, **changes)


def flair(**changes) -> Callable[[SessionFiles], None]:
    return lambda files: rewrite(files.flair, **changes)


def cut_in_half(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


def flip_a_byte(files: SessionFiles) -> None:
    raw = bytearray(files.qsm.read_bytes())
    raw[-6] ^= 0xFF  # of the checksum: the image itself reads well
    files.qsm.write_bytes(raw)


def not_compressed(files: SessionFiles) -> None:
    files.qsm.write_bytes(gzip.decompress(files.qsm.read_bytes()))


def compressed_under_a_plain_name(files: SessionFiles) -> None:
    files.qsm.rename(files.qsm.with_name("sub-01_Chimap.nii"))


def mgh(files: SessionFiles) -> None:
    plain = files.qsm.with_suffix("")
    files.qsm.unlink()
    image = nib.MGHImage(np.ones((4, 4, 4), dtype=np.float32), np.eye(4))
    plain.write_bytes(image.to_bytes())


def huge(files: SessionFiles) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((2154, 2154, 2154))  # 40 GB
    header["vox_offset"] = 352
    files.qsm.write_bytes(gzip.compress(header.binaryblock + bytes(4)))


def dimensions(*values: int) -> Callable[[SessionFiles], None]:
    return lambda files: rewrite(files.qsm, header={"dim": [*values, *[1] * (8 - len(values))]})


def some_not_finite(data):
    data = data.copy()
    data[0, 0, :2], data[0, 1, 0] = np.nan, np.inf
    return data


def three_giant_voxels(data):
    data = data.copy()
    data[0, 0, :3] = (1e30, -1e30, 1e20)
    return data


def spikes(files: SessionFiles) -> None:
    for number, path in enumerate((files.flair, files.magnitude)):
        data = nib.load(path).get_fdata().astype(np.float32)
        data[3:6, 4 + number, 5] = (1e7, -1e7, 1e30)
        rewrite(path, change=lambda _, data=data: data)


def nearly_the_same_images(result, undisturbed):
    for name in ("native_flair", "native_qsm"):
        found, expected = (
            load_image(getattr(one.prepared, name)).volume.data for one in (result, undisturbed)
        )
        assert np.quantile(np.abs(found - expected), 0.999) < 0.01 * np.ptp(expected)


def beyond_float32(data):
    data = data.astype(np.float64)
    data[0, 0, 0] = 1e300
    return data


def scaled_integers(files: SessionFiles) -> None:
    image = nib.load(files.qsm)
    new = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, image.header)
    new.set_data_dtype(np.int16)  # nibabel chooses slope and intercept
    nib.save(new, files.qsm)
    assert nib.load(files.qsm).dataobj.slope != 1


def big_endian(files: SessionFiles) -> None:
    image = nib.load(files.qsm)
    header = image.header.as_byteswapped(">")
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj).astype(">f8"), image.affine, header), files.qsm)
    assert nib.load(files.qsm).header.endianness == ">"


def not_finite_is_zero(result, undisturbed):
    found = load_image(result.prepared.native_qsm).volume.data
    expected = load_image(undisturbed.prepared.native_qsm).volume.data
    assert np.isfinite(found).all()
    np.testing.assert_allclose(
        found, expected, atol=1e-2
    )  # those voxels lie outside the head, where 0 stands
    same_lesions(result, undisturbed)


RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
NO_IMAGE = r"sub-01_Chimap\.nii.*(not a readable NIfTI image|damaged)"
REFUSED = "refused, exit 65: "
CASES = [
    Case(
        "A QSM that was cut off in the middle",
        REFUSED + "the image data is damaged",
        lambda files: cut_in_half(files.qsm),
        NO_IMAGE,
    ),
    Case(
        "A FLAIR that was cut off in the middle",
        REFUSED + "the image data is damaged",
        lambda files: cut_in_half(files.flair),
        r"sub-01_FLAIR\.nii.*damaged",
    ),
    Case("An image file of 0 bytes", REFUSED + "not a readable NIfTI image", write(b""), NO_IMAGE),
    Case(
        "A web page saved as `.nii.gz`",
        REFUSED + "not a readable NIfTI image",
        write(b"<html>404 Not Found</html>" * 50),
        NO_IMAGE,
    ),
    Case(
        "Something else, packed with gzip, named `.nii.gz`",
        REFUSED + "not a readable NIfTI image",
        write(gzip.compress(b"patient list\n" * 100)),
        NO_IMAGE,
    ),
    Case(
        "An image that is not compressed, named `.nii.gz`",
        REFUSED + "not a readable NIfTI image",
        not_compressed,
        NO_IMAGE,
    ),
    Case(
        "A compressed image named `.nii`",
        REFUSED + "not a readable NIfTI image",
        compressed_under_a_plain_name,
        NO_IMAGE,
    ),
    Case(
        "A damaged copy: the checksum of gzip is wrong",
        REFUSED + "the image data is damaged",
        flip_a_byte,
        r"sub-01_Chimap\.nii\.gz: the image data is damaged",
    ),
    Case(
        "A header that promises more voxels than the file holds",
        REFUSED + "the image data is damaged",
        dimensions(3, 64, 64, 40),
        NO_IMAGE,
    ),
    Case(
        "A header that asks for 40 GB",
        REFUSED + "no image of a head; the file is not read",
        huge,
        r"sub-01_Chimap\.nii\.gz: shape \(2154, 2154, 2154\) is no image of a head",
    ),
    Case(
        "A header that says that the voxels begin at byte 0",
        REFUSED + "names the byte; the header would be read as voxels",
        qsm(header={"vox_offset": 0}),
        r"sub-01_Chimap\.nii\.gz: by its header the voxels begin at byte 0",
    ),
    Case("A dimension of 0", REFUSED + "no image of a head", dimensions(3, 64, 0, 20), r"sub-01_Chimap"),
    Case(
        "A negative dimension",
        REFUSED + "not a readable NIfTI image",
        dimensions(3, 64, -64, 20),
        r"sub-01_Chimap",
    ),
    Case("An MGH file named `.nii`", REFUSED + "not a readable NIfTI image", mgh, NO_IMAGE),
    Case(
        "NaN and infinities in the QSM",
        "works, with a warning: those voxels are 0, and counted",
        qsm(change=some_not_finite),
        r"sub-01_Chimap\.nii\.gz: 3 voxels are NaN or infinite",
        not_finite_is_zero,
    ),
    Case(
        "A value beyond the range of float32",
        "works, with a warning: the voxel is 0, and counted",
        qsm(change=beyond_float32),
        r"sub-01_Chimap\.nii\.gz: 1 voxels are NaN or infinite",
        not_finite_is_zero,
    ),
    Case(
        "Three voxels of 1e30 ppm in the QSM",
        "works, with a warning: those voxels are 0, and counted",
        qsm(change=three_giant_voxels),
        r"sub-01_Chimap\.nii\.gz: 3 voxels are beyond 100000 ppb; they were set to 0",
        not_finite_is_zero,
    ),
    Case(
        "Three voxels of 1e7 and more in FLAIR and magnitude",
        "works, with a warning: those voxels are clipped, and counted, so that "
        "the histograms of the registration hold tissue",
        spikes,
        r"sub-01_FLAIR\.nii\.gz: 3 voxels are more than 20 times brighter \(or darker\) than",
        nearly_the_same_images,
    ),
    Case(
        "A QSM of nothing but NaN",
        REFUSED + "the susceptibility map is empty",
        qsm(change=lambda data: np.full_like(data, np.nan)),
        r"sub-01_Chimap\.nii\.gz: the susceptibility map is empty",
    ),
    Case(
        "A QSM of nothing but 0",
        REFUSED + "the susceptibility map is empty",
        qsm(change=np.zeros_like),
        r"sub-01_Chimap\.nii\.gz: the susceptibility map is empty",
    ),
    Case(
        "A constant QSM",
        REFUSED + "the susceptibility map is constant",
        qsm(change=lambda data: np.full_like(data, 0.1)),
        r"sub-01_Chimap\.nii\.gz: the susceptibility map is constant",
    ),
    Case(
        "A QSM that is constant in the head and 0 outside",
        REFUSED + "the susceptibility map is constant",
        qsm(change=lambda data: np.where(data == 0, data, np.float32(0.1))),
        r"sub-01_Chimap\.nii\.gz: the susceptibility map is constant",
    ),
    Case(
        "A constant FLAIR",
        REFUSED + "every voxel has one value",
        flair(change=lambda data: np.full_like(data, 7)),
        r"sub-01_FLAIR\.nii\.gz: every voxel is 7",
    ),
    Case(
        "A FLAIR without a value above 0",
        REFUSED + "intensities are positive",
        flair(change=lambda data: -np.abs(data)),
        r"sub-01_FLAIR\.nii\.gz: no voxel is above 0",
    ),
    Case(
        "Four dimensions, one volume",
        "works",
        qsm(change=lambda data: data[..., None]),
    ),
    Case(
        "Four dimensions, several volumes",
        REFUSED + "one 3-D volume was expected",
        qsm(change=lambda data: np.stack([data, data], axis=-1)),
        r"sub-01_Chimap\.nii\.gz: expected one 3-D volume, found shape \(64, 64, 20, 2\)",
    ),
    Case(
        "Two dimensions",
        REFUSED + "one 3-D volume was expected",
        qsm(change=lambda data: data[:, :, 10]),
        r"sub-01_Chimap\.nii\.gz: expected one 3-D volume, found shape \(64, 64\)",
    ),
    Case(
        "Complex numbers",
        REFUSED + "real numbers were expected",
        qsm(change=lambda data: data.astype(np.complex64)),
        r"sub-01_Chimap\.nii\.gz: expected real numbers, found data type complex64",
    ),
    Case(
        "A colour image",
        REFUSED + "real numbers were expected",
        flair(change=lambda data: np.zeros(data.shape, dtype=RGB)),
        r"sub-01_FLAIR\.nii\.gz: expected real numbers",
    ),
    Case("Integers with a scale and an offset (`scl_slope`, `scl_inter`)", "works", scaled_integers),
    Case(
        "A scale of 0, which stands for none",
        "works",
        qsm(header={"scl_slope": 0, "scl_inter": 0}),
    ),
    Case(
        "An offset that is no number",
        REFUSED + "the image data is damaged",
        qsm(header={"scl_slope": 1, "scl_inter": np.nan}),
        r"sub-01_Chimap\.nii\.gz: ",
    ),
    Case("The other byte order, in double precision", "works", big_endian),
    Case("NIfTI-2", "works", qsm(kind=nib.Nifti2Image)),
    Case(
        "Zeros after the end of the compressed image",
        "works",
        lambda files: files.qsm.write_bytes(files.qsm.read_bytes() + bytes(512)) and None,
    ),
    Case(
        "Data that begins where the header still is (`vox_offset` 100)",
        REFUSED + "not a readable NIfTI image",
        lambda files: rewrite_raw(files.qsm, lambda raw: raw[:108] + np.float32(100).tobytes() + raw[112:]),
        r"sub-01_Chimap\.nii\.gz: ",
    ),
]
ROWS = rows(SECTION, CASES, "robustness/test_nifti_files.py::test_nifti_file")


@pytest.mark.parametrize("case", named(CASES))
def test_nifti_file(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
