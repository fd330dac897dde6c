"""Fuzzing of the gates: whatever an image, JSON or table holds, it is read, or refused in a sentence.

A few examples each in the fast tests; in the long ones for so many seconds each.
"""

from __future__ import annotations

import gzip
import json
import logging
import struct
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qsmrim_app.bids_io.datasets import Dataset, read_description
from qsmrim_app.bids_io.label_tables import read_label_table
from qsmrim_app.bids_io.session_files import BidsFile
from qsmrim_app.bids_io.sidecars import read_sidecars
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.errors import QsmrimError
from qsmrim_app.images import load_image, load_labels, read_grid
from qsmrim_app.preprocessing.input_gate import load_intensities, load_qsm
from qsmrim_app.tables.lesion_samples import read_samples
from tests.robustness.rows import Row

HERE = "robustness/test_hostile_fuzz.py"
IMAGES = Row(
    "Hostile files",
    "NIfTI files of random bytes, and real ones with random bytes in header, extensions or voxels",
    "each is read, or refused with an error of qsmrim's own (fuzzing, 2 minutes)",
    f"{HERE}::test_any_image_is_read_or_refused",
)
SIDECARS = Row(
    "Hostile files",
    "JSON files of random bytes, random JSON values and real sidecars with random bytes",
    "each is read, or refused with an error of qsmrim's own (fuzzing, 1 minute)",
    f"{HERE}::test_any_sidecar_is_read_or_refused",
)
TABLES = Row(
    "Hostile files",
    "label tables, lesion tables and samples of random bytes, and real ones with random bytes or cells",
    "each is read, or refused with an error of qsmrim's own (fuzzing, 1 minute)",
    f"{HERE}::test_any_table_is_read_or_refused",
)
ROWS = (IMAGES, SIDECARS, TABLES)
FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
MANY_S = {"images": 120, "sidecars": 60, "tables": 60}
logger = logging.getLogger(__name__)
QUIET = pytest.mark.filterwarnings("default")  # nibabel and numpy warn of what is then refused


# ---- what is made ------------------------------------------------------------------------------------------
def _image(dtype):
    image = nib.Nifti1Image(np.arange(60, dtype=dtype).reshape(3, 4, 5), np.diag([0.75, 0.75, 3, 1]))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"sixteen bytes!!!"))
    return image.to_bytes()


_VALUES = [0, -1, 1, 2, 3, 7, 8, 127, 255, 32767, -32768, 2**31 - 1, -(2**31)]
_FLOATS = [0.0, -0.0, 1e-30, 1e30, -1e30, float("nan"), float("inf"), 352.0, 348.0, 368.0, 5e9]
_SPOT = st.tuples(
    st.integers(0, 360),
    st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from(_VALUES).map(lambda value: struct.pack("<q", value)[:4]),
        st.sampled_from(_VALUES).map(lambda value: struct.pack("<q", value)[:2]),
        st.sampled_from(_FLOATS).map(lambda value: struct.pack("<f", value)),
        st.sampled_from([0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 1792, 2304]).map(
            lambda code: struct.pack("<h", code)
        ),
    ),
)


def _spoiled(raw, spots):
    changed = bytearray(raw)
    for place, piece in spots:
        changed[place : place + len(piece)] = piece
    return bytes(changed)


_REAL_IMAGES = st.sampled_from([_image(np.int16), _image(np.float32), _image(np.float64), _image(np.uint8)])
FILES = st.one_of(
    st.binary(max_size=600),
    st.builds(_spoiled, _REAL_IMAGES, st.lists(_SPOT, min_size=1, max_size=4)),
    st.builds(lambda raw, n: raw[:n], _REAL_IMAGES, st.integers(0, 700)),
)
COMPRESSED = st.one_of(
    FILES.map(gzip.compress),
    st.builds(lambda raw, n: gzip.compress(raw)[:n], FILES, st.integers(0, 400)),
    st.builds(lambda raw, spots: _spoiled(gzip.compress(raw), spots), FILES, st.lists(_SPOT, max_size=2)),
)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_SIDECAR = st.dictionaries(st.sampled_from(["Units", "SkullStripped", "DatasetLinks", "GeneratedBy"]), _PLAIN)
JSON = st.one_of(
    st.binary(max_size=200),
    st.one_of(_PLAIN, _SIDECAR).map(lambda value: json.dumps(value).encode()),
    st.builds(lambda value, n: json.dumps(value).encode("utf-16")[:n], _SIDECAR, st.integers(0, 60)),
    st.integers(1, 40000).map(lambda n: b"[" * n),
)
_CELL = st.one_of(
    st.sampled_from(["1", "2", "n/a", "", "1.0", "-1", "1e400", "nan", "inf", '"', "=1+1", "1e9", "0x1"]),
    st.text(max_size=8),
)
_COLUMNS = [
    "index",
    "name",
    "rim",
    "rim_rater1",
    "subject",
    "session",
    "volume_mm3",
    "p_rim",
    "votes",
    "flags",
]
_TABLE = st.builds(
    lambda columns, rows, end: end.join("\t".join(row) for row in [columns, *rows]).encode(errors="replace"),
    st.lists(st.sampled_from(_COLUMNS) | st.text(max_size=5), max_size=8),
    st.lists(st.lists(_CELL, max_size=8), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
TSV = st.one_of(
    st.binary(max_size=300),
    _TABLE,
    st.builds(_spoiled, _TABLE, st.lists(_SPOT, max_size=2)),
    _TABLE.map(lambda raw: b"\xef\xbb\xbf" + raw),
)


# ---- what is done with it ----------------------------------------------------------------------------------
def _try(reader, *arguments):
    """An outcome other than success or an error of ours is raised, and so found."""
    try:
        reader(*arguments)
    except QsmrimError as error:
        said, code = str(error), error.exit_code
    else:
        return
    assert code in (16, 65, 66), said
    assert said.strip()


def _read_image(place, raw, suffix):
    path = place / f"sub-01_Chimap{suffix}"
    path.write_bytes(raw)
    for reader in (load_image, load_labels, read_grid, load_intensities):
        _try(reader, path)
    _try(load_qsm, path, None)


def _read_sidecar(place, raw):
    folder = place / "sub-01" / "anat"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (place / "Chimap.json", folder / "sub-01_Chimap.json", place / "dataset_description.json"):
        path.write_bytes(raw)
    dataset = Dataset("raw", place, (place / "Chimap.json",))
    _try(read_sidecars, BidsFile(folder / "sub-01_Chimap.nii.gz", dataset, {}))
    _try(read_description, place)


def _read_table(place, raw):
    path = place / "sub-01_dseg.tsv"
    path.write_bytes(raw)
    for reader in (read_label_table, read_lesion_table, read_samples):
        _try(reader, path)


# ---- the tests ---------------------------------------------------------------------------------------------
def _fuzz(strategy, check, seconds=None):
    """Few examples, or as many as fit into so many seconds."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if seconds is None:
            FEW(given(strategy)(lambda example: check(place, example)))()
            return 0
        tried = 0

        def count(example):
            nonlocal tried
            tried += 1
            check(place, example)

        many = settings(
            max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.target, Phase.shrink),
        )  # fmt: skip
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            many(given(strategy)(count))()
        return tried


def _images_of(place, example):
    _read_image(place, *example)


IMAGE_FILES = st.one_of(FILES.map(lambda raw: (raw, ".nii")), COMPRESSED.map(lambda raw: (raw, ".nii.gz")))


@QUIET
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [None, pytest.param(MANY_S["images"], marks=pytest.mark.long)])
def test_any_image_is_read_or_refused(seconds):
    _report("images", _fuzz(IMAGE_FILES, _images_of, seconds))


@QUIET
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [None, pytest.param(MANY_S["sidecars"], marks=pytest.mark.long)])
def test_any_sidecar_is_read_or_refused(seconds):
    _report("sidecars", _fuzz(JSON, _read_sidecar, seconds))


@QUIET
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [None, pytest.param(MANY_S["tables"], marks=pytest.mark.long)])
def test_any_table_is_read_or_refused(seconds):
    _report("tables", _fuzz(TSV, _read_table, seconds))


def _report(what, tried):
    if tried:
        logger.warning("%s: %d files", what, tried)
