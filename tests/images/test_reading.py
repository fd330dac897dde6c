"""Files of every kind that users have, the broken ones included."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.errors import InputError, UnreadableImageError
from qsmrim_app.images import MAX_VOXELS, load_image, load_labels, read_grid, save_volume
from qsmrim_app.records import Volume

AFFINE = np.diag([0.75, 0.75, 3.0, 1.0])


def _write(path, data, affine=AFFINE, **codes):
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code=codes.get("sform", 1))
    image.set_qform(affine, code=codes.get("qform", 1))
    nib.save(image, path)
    return path


def test_a_plain_image(tmp_path):
    data = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    volume, warnings = load_image(_write(tmp_path / "a.nii.gz", data))
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.affine, AFFINE)
    assert volume.data.dtype == np.float32
    assert warnings == ()


def test_scaled_integers_come_back_scaled(tmp_path):
    image = nib.Nifti1Image(np.array([[[0, 100, -200]]], dtype=np.int16), AFFINE)
    image.header.set_slope_inter(0.001, 0.5)
    path = tmp_path / "a.nii"
    nib.save(image, path)
    np.testing.assert_allclose(load_image(path).volume.data, [[[0.5, 0.6, 0.3]]], rtol=1e-6)


def test_nan_and_infinity_become_zero_and_are_counted(tmp_path):
    data = np.ones((2, 2, 2), dtype=np.float32)
    data[0, 0, 0], data[1, 1, 1] = np.nan, np.inf
    volume, warnings = load_image(_write(tmp_path / "sub-01_Chimap.nii.gz", data))
    assert volume.data.sum() == 6
    assert len(warnings) == 1
    assert "sub-01_Chimap.nii.gz: 2 voxels" in warnings[0]


@pytest.mark.parametrize("shape", [(3, 4, 5, 1), (3, 4, 5, 1, 1)])
def test_one_volume_in_more_dimensions_is_one_volume(tmp_path, shape):
    data = np.arange(60, dtype=np.float32).reshape(shape)
    path = _write(tmp_path / "a.nii", data)
    np.testing.assert_array_equal(load_image(path).volume.data, data.reshape(3, 4, 5))
    assert read_grid(path).shape == (3, 4, 5)


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4)])
def test_other_dimensions_are_refused(tmp_path, shape):
    path = _write(tmp_path / "a.nii", np.ones(shape, dtype=np.float32))
    with pytest.raises(UnreadableImageError, match="one 3-D volume"):
        load_image(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((2, 2, 2), dtype=np.complex64), "real numbers"),
        (np.zeros((2, 2, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]), "real numbers"),
    ],
    ids=["complex", "colour"],
)
def test_numbers_that_are_not_real_are_refused(tmp_path, data, message):
    with pytest.raises(UnreadableImageError, match=message):
        load_image(_write(tmp_path / "a.nii", data))


# ---- damage ----
def _damage(path, how):
    raw = path.read_bytes()
    damaged = {
        "truncated": raw[: len(raw) // 2],
        "header only": raw[:60],
        "empty": b"",
        "text": b"<html>404</html>" * 40,
        "flipped byte": raw[:-12] + bytes([raw[-12] ^ 0xFF]) + raw[-11:],
    }
    path.write_bytes(damaged[how])


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("how", ["truncated", "header only", "empty", "text"])
def test_damaged_files_are_named(tmp_path, rng, name, how):
    path = _write(tmp_path / name, rng.normal(size=(20, 20, 20)).astype(np.float32))
    _damage(path, how)
    for load in (load_image, load_labels):
        with pytest.raises(UnreadableImageError, match="a\\.nii"):
            load(path)


def test_a_flipped_byte_in_a_compressed_file_is_noticed(tmp_path, rng):
    path = _write(tmp_path / "a.nii.gz", rng.normal(size=(20, 20, 20)).astype(np.float32))
    _damage(path, "flipped byte")
    with pytest.raises(UnreadableImageError, match="damaged"):
        load_image(path)


def test_a_missing_file_and_a_dangling_link(tmp_path):
    link = tmp_path / "b.nii.gz"
    link.symlink_to(tmp_path / "annex" / "object")
    for path in (tmp_path / "a.nii.gz", link):
        with pytest.raises(UnreadableImageError, match="dangling link"):
            load_image(path)


def test_another_format_is_refused(tmp_path):
    path = tmp_path / "a.mgz"
    nib.save(nib.MGHImage(np.ones((2, 2, 2), dtype=np.float32), AFFINE), path)
    with pytest.raises(UnreadableImageError, match="expected NIfTI"):
        load_image(path)


def test_a_header_that_asks_for_too_much_is_refused_before_it_is_read(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((1024, 1024, 1024))
    header["vox_offset"] = 352
    assert MAX_VOXELS < 1024**3
    path = tmp_path / "a.nii"
    path.write_bytes(header.binaryblock + bytes(4))
    with pytest.raises(UnreadableImageError, match="no image of a head"):
        load_image(path)


def test_an_affine_without_volume_is_refused(tmp_path):
    image = nib.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), None)
    image.header["sform_code"] = 1
    image.header["srow_x"] = [1, 0, 0, 0]
    image.header["srow_y"] = [0, 1, 0, 0]
    image.header["srow_z"] = [0, 0, 0, 0]
    image.header["vox_offset"] = 352
    path = tmp_path / "a.nii"
    path.write_bytes(image.header.binaryblock + bytes(4) + np.ones(8, dtype=np.float32).tobytes())
    with pytest.raises(UnreadableImageError, match="affine is not invertible"):
        load_image(path)


# ---- geometry ----
def test_disagreeing_qform_and_sform_are_reported_and_the_sform_is_used(tmp_path):
    image = nib.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), AFFINE)
    moved = AFFINE.copy()
    moved[0, 3] = 5
    image.set_sform(AFFINE, code=1)
    image.set_qform(moved, code=1)
    nib.save(image, tmp_path / "a.nii")
    volume, (warning,) = load_image(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.affine, AFFINE)
    assert "qform and sform disagree" in warning


def test_a_header_without_orientation_is_reported(tmp_path):
    path = _write(tmp_path / "a.nii", np.ones((2, 2, 2), dtype=np.float32), sform=0, qform=0)
    (warning,) = load_image(path).warnings
    assert "no orientation" in warning


# ---- labels ----
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64])
def test_labels_of_any_type_become_int32(tmp_path, dtype):
    data = np.array([[[0, 1, 200]]]).astype(dtype)
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(data, AFFINE, dtype=dtype), path)
    labels = load_labels(path).volume.data
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [[[0, 1, 200]]])


@pytest.mark.parametrize("label", [127, 128, 255, 256, 300, 32768, 65536, 2**31 - 1])
def test_large_labels_do_not_wrap(tmp_path, label):
    path = tmp_path / "a.nii.gz"
    save_volume(Volume(np.array([[[0, label]]], dtype=np.int32), AFFINE), path)
    np.testing.assert_array_equal(load_labels(path).volume.data, [[[0, label]]])


@pytest.mark.parametrize(
    ("values", "message"),
    [([0, 0.5, 1], "0.5"), ([0, -1, 1], "from -1"), ([0, 1, 2**31], "2.147"), ([0, np.nan, 1], "NaN")],
)
def test_what_is_no_label_map_is_refused(tmp_path, values, message):
    path = _write(tmp_path / "a.nii", np.array([[values]], dtype=np.float64))
    with pytest.raises(InputError, match=message):
        load_labels(path)


def test_a_label_that_interpolation_left_a_trace_on_is_rounded(tmp_path):
    path = _write(tmp_path / "a.nii", np.array([[[0, 0.99999, 2.00001]]], dtype=np.float32))
    np.testing.assert_array_equal(load_labels(path).volume.data, [[[0, 1, 2]]])


def test_gzip_with_trailing_padding_reads(tmp_path):
    path = _write(tmp_path / "a.nii", np.ones((2, 2, 2), dtype=np.float32))
    padded = tmp_path / "b.nii.gz"
    padded.write_bytes(gzip.compress(path.read_bytes()) + bytes(512))
    assert load_image(padded).volume.data.sum() == 8
