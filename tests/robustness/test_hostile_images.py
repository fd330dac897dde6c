"""Images made to harm: small files that would take all memory, or that never end."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from contextlib import contextmanager

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.errors import InputError
from qsmrim_app.images import load_image, load_labels
from tests.robustness.rows import Row

SECTION = "Hostile files"
HERE = "robustness/test_hostile_images.py"
GZIP_BOMB = Row(
    SECTION,
    "a gzip bomb: much more comes out of the file than its header promises",
    "refused, exit 65, names the file; no more memory than the image takes",
    f"{HERE}::test_a_gzip_bomb_is_refused_in_bounded_memory",
)
PROMISE = Row(
    SECTION,
    "a file of some bytes whose header promises 4 GB or 100 GB of voxels",
    "refused, exit 65, names the file; before any memory is taken",
    f"{HERE}::test_a_promise_that_the_file_cannot_keep_is_refused_before_memory_is_taken",
)
EXTENSION = Row(
    SECTION,
    "header extensions of a negative or a giant size, voxels that begin anywhere, XML in a CIFTI header",
    "refused, exit 65, names the file; in bounded memory",
    f"{HERE}::test_a_damaged_way_to_the_voxels_is_refused",
)
ENDLESS = Row(
    SECTION,
    "an image that is a link to /dev/zero, or a pipe that nobody writes to",
    "refused, exit 65, names the file; at once",
    f"{HERE}::test_what_never_ends_is_not_opened",
)
ROWS = (GZIP_BOMB, PROMISE, EXTENSION, ENDLESS)
SHAPE = (8, 8, 8)
LITTLE = 32 * 2**20  # bytes; the images of these tests take some KB
READERS = pytest.mark.parametrize("read", [load_image, load_labels])


@contextmanager
def in_little_memory():
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def image_bytes(shape=SHAPE, dtype=np.int16):
    return nib.Nifti1Image(np.zeros(shape, dtype), np.eye(4)).to_bytes()


def header_of(shape, datatype, bits, offset=352.0):
    """A header alone, with a flag for no extensions."""
    raw = bytearray(image_bytes()[:352])
    struct.pack_into("<8h", raw, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", raw, 70, datatype, bits)
    struct.pack_into("<f", raw, 108, offset)
    return bytes(raw)


@READERS
def test_a_gzip_bomb_is_refused_in_bounded_memory(read, tmp_path):
    path = tmp_path / "sub-01_Chimap.nii.gz"
    path.write_bytes(gzip.compress(image_bytes()) + gzip.compress(bytes(2**20)) * 3000)  # 3 GB in 3 MB
    assert path.stat().st_size < 4e6
    with (
        in_little_memory(),
        pytest.raises(InputError, match=r"sub-01_Chimap\.nii\.gz: more comes out") as said,
    ):
        read(path)
    assert said.value.exit_code == 65


@READERS
@pytest.mark.parametrize("name", ["sub-01_Chimap.nii", "sub-01_Chimap.nii.gz"])
@pytest.mark.parametrize("shape", [(812, 812, 812), (32767, 32767, 25)], ids=["4 GB of float64", "100 GB"])
def test_a_promise_that_the_file_cannot_keep_is_refused_before_memory_is_taken(read, name, shape, tmp_path):
    path, raw = tmp_path / name, header_of(shape, 64, 64) + bytes(1000)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    with in_little_memory(), pytest.raises(InputError, match="sub-01_Chimap") as said:
        read(path)
    assert said.value.exit_code == 65


def _extended(size, offset=400.0):
    raw = bytearray(image_bytes())
    struct.pack_into("<f", raw, 108, offset)
    return bytes(raw[:348]) + b"\1\0\0\0" + struct.pack("<2i", size, 6) + bytes(5000)


def _cifti():
    raw = bytearray(540 + 4 + 100)
    struct.pack_into("<i", raw, 0, 540)
    raw[4:12] = b"n+2\0\r\n\x1a\n"
    struct.pack_into("<i", raw, 504, 3002)
    struct.pack_into("<q", raw, 168, 640)
    return bytes(raw)


@READERS
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(_extended(-8), id="negative extension"),
        pytest.param(_extended(2**31 - 16), id="extension of 2 GB"),
        pytest.param(_extended(0), id="empty extension"),
        pytest.param(_extended(32, 100.0), id="extension beyond the first voxel"),
        pytest.param(_extended(2**24 * 2, 1e9), id="1 GB of extensions"),
        pytest.param(header_of(SHAPE, 4, 16, np.nan) + bytes(2000), id="voxels begin nowhere"),
        pytest.param(header_of(SHAPE, 4, 16, -1e30) + bytes(2000), id="voxels begin before the file"),
        pytest.param(header_of(SHAPE, 4, 16, 1e30) + bytes(2000), id="voxels begin in another world"),
        pytest.param(_cifti(), id="CIFTI"),
    ],
)
def test_a_damaged_way_to_the_voxels_is_refused(read, raw, compressed, tmp_path):
    path = tmp_path / ("sub-01_FLAIR.nii.gz" if compressed else "sub-01_FLAIR.nii")
    bomb = gzip.compress(bytes(2**20)) * 300
    path.write_bytes(gzip.compress(raw) + bomb if compressed else raw)
    with in_little_memory(), pytest.raises(InputError, match="sub-01_FLAIR") as said:
        read(path)
    assert said.value.exit_code == 65


@READERS
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["sub-01_FLAIR.nii", "sub-01_FLAIR.nii.gz"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_never_ends_is_not_opened(read, kind, name, tmp_path):
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(InputError, match="is no regular file") as said:
        read(path)
    assert said.value.exit_code == 65


def test_honest_files_with_extensions_and_trailing_bytes_are_read(tmp_path):
    image = nib.Nifti1Image(np.arange(512, dtype=np.int16).reshape(SHAPE), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"made by hand"))
    path = tmp_path / "sub-01_FLAIR.nii.gz"
    path.write_bytes(gzip.compress(image.to_bytes() + bytes(512)))
    assert load_image(path).volume.data.max() == 511
