"""The same volume always gives the same bytes, and every program reads the same geometry."""

import hashlib
import time

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.images import nifti_bytes, save_volume
from qsmrim_app.records import Volume
from tests import phantoms


def _oblique(data) -> Volume:
    return Volume(
        np.asarray(data), phantoms.centred_affine((2, 2, 2), (0.75, 0.75, 3.0), phantoms.OBLIQUE_DEG)
    )


def test_bytes_know_neither_time_nor_name(tmp_path, monkeypatch):
    volume = _oblique(np.arange(8, dtype=np.float32).reshape(2, 2, 2))
    save_volume(volume, tmp_path / "a.nii.gz")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    save_volume(volume, tmp_path / "other_name.nii.gz")
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert len(digests) == 1
    assert nifti_bytes(volume, compressed=True)[4:8] == bytes(4)  # gzip's modification time


def test_qform_and_sform_agree(tmp_path):
    volume = _oblique(np.ones((2, 2, 2), dtype=np.float32))
    save_volume(volume, tmp_path / "a.nii")
    header = nib.load(tmp_path / "a.nii").header
    qform, sform = header.get_qform(coded=True), header.get_sform(coded=True)
    assert (qform[1], sform[1]) == (1, 1)
    np.testing.assert_allclose(qform[0], volume.affine, atol=1e-4)
    np.testing.assert_allclose(sform[0], volume.affine, atol=1e-5)
    assert header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        (np.ones((2, 2, 2), dtype=bool), np.uint8),
        (np.full((2, 2, 2), 300, dtype=np.int32), np.int16),
        (np.full((2, 2, 2), 32768, dtype=np.int32), np.int32),
        (np.ones((2, 2, 2), dtype=np.float32), np.float32),
    ],
)
def test_type_on_disk(tmp_path, data, stored):
    save_volume(_oblique(data), tmp_path / "a.nii.gz")
    image = nib.load(tmp_path / "a.nii.gz")
    assert image.get_data_dtype() == stored
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), data)
