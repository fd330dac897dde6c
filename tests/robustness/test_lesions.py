"""Lesions that are too many, too large, too small, or where the QSM does not reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from qsmrim_app.images import save_volume
from qsmrim_app.records import Volume
from tests.robustness.cases import Case, judge, named, rows, same_qsm
from tests.robustness.session import Result, SessionFiles, beside, rewrite

SECTION = "Lesions"
REFUSED = "refused, exit 65: "
N_MANY = 3000
Box = tuple[slice, slice, slice]


def drawn(*boxes: Box) -> Callable[[SessionFiles], None]:
    """An instance map with boxes of voxels, on the grid of the QSM."""

    def spoil(files: SessionFiles) -> None:
        data = np.zeros(nib.load(files.qsm).shape, dtype=np.int32)
        for label, box in enumerate(boxes, start=1):
            data[box] = label
        put_on_qsm(data, files)

    return spoil


def put_on_qsm(data: np.ndarray, files: SessionFiles) -> None:
    for path in (files.lesions, files.table, beside(files.lesions, ".json")):
        path.unlink()
    path = files.lesions.with_name(files.lesions.name.replace("space-FLAIR", "space-Chimap"))
    save_volume(Volume(data, nib.load(files.qsm).affine), path)


def many(files: SessionFiles) -> None:
    inside = nib.load(files.qsm).get_fdata() != 0
    apart = np.zeros(inside.shape, dtype=bool)
    apart[::2, ::2, ::2] = True  # no two touch
    spots = np.argwhere(apart & inside)[:N_MANY]
    data = np.zeros(inside.shape, dtype=np.int32)
    data[tuple(spots.T)] = np.arange(1, len(spots) + 1)
    put_on_qsm(data, files)


def as_large_as_the_head(files: SessionFiles) -> None:
    """The head of the phantom is a child's doll: make it half as large again, and all of it one lesion."""
    for path in (files.qsm, files.flair, files.magnitude):
        rewrite(path, affine=nib.load(path).affine @ np.diag([1.5, 1.5, 1.5, 1]))
    put_on_qsm((nib.load(files.qsm).get_fdata() != 0).astype(np.int32), files)


def one_leaves_the_view(files: SessionFiles) -> None:
    def move_lesion_1(data: np.ndarray) -> np.ndarray:
        data = np.where(data == 1, 0, data)
        data[:3, :3, :3] = 1
        return data

    rewrite(files.lesions, change=move_lesion_1)


def row_of(result: Result, index: int) -> dict[str, Any]:
    return dict(result.measured.table.frame.set_index("index").loc[index])


def excluded(reason: str, n_measured: int = 0) -> Callable[[Result, Result], None]:
    """Lesion 1 keeps its row with a reason, and so many others have a sample."""

    def check(result: Result, undisturbed: Result) -> None:
        assert row_of(result, 1)["excluded_because"] == reason
        assert len(result.measured.samples.keys) == n_measured

    return check


def measured_in_full(result: Result, undisturbed: Result) -> None:
    assert row_of(result, 1)["excluded_because"] == ""
    (values,) = result.measured.samples.features
    assert np.isfinite(values).all() or "features_imputed" in row_of(result, 1)["flags"]
    assert np.isfinite(result.measured.samples.patches).all()


def a_row_each(result: Result, undisturbed: Result) -> None:
    frame = result.measured.table.frame
    assert frame["index"].tolist() == list(range(1, N_MANY + 1))
    assert set(frame["excluded_because"]) == {"too_small"}


def no_rows(result: Result, undisturbed: Result) -> None:
    same_qsm(result, undisturbed)
    assert len(result.measured.table.frame) == 0
    assert result.measured.samples.features.shape[0] == 0


OUTSIDE = "works, with a warning: it keeps its row, not classified"


def flair_ends_below_lesion_1(files: SessionFiles) -> None:
    """The FLAIR is 0 in lesion 1, as beyond its field of view."""
    lesion = np.asanyarray(nib.load(files.lesions).dataobj) == 1
    rewrite(files.flair, change=lambda data: np.where(ndimage.binary_dilation(lesion, iterations=8), 0, data))


CASES = [
    Case(
        "A lesion outside the field of view of the FLAIR",
        "works: a row with the reason `no_flair`",
        flair_ends_below_lesion_1,
        check=excluded("no_flair", 4),
        measured=True,
    ),
    Case(
        "A lesion outside the field of view of the QSM",
        OUTSIDE,
        one_leaves_the_view,
        r"1 lesion\(s\) fill no voxel of the QSM's grid and cannot be measured: 1",
        excluded("not_on_grid", 4),
        measured=True,
    ),
    Case(
        "A lesion of one voxel",
        "works: a row with the reason `too_small`",
        drawn((slice(32, 33), slice(32, 33), slice(10, 11))),
        check=excluded("too_small"),
        measured=True,
    ),
    Case(
        "A lesion of one row of voxels",
        "works: a row with the reason `flat_or_straight`",
        drawn((slice(20, 40), slice(32, 33), slice(10, 11))),
        check=excluded("flat_or_straight"),
        measured=True,
    ),
    Case(
        "A lesion of one slice",
        "works: it is measured",
        drawn((slice(20, 32), slice(30, 38), slice(10, 11))),
        check=measured_in_full,
        measured=True,
    ),
    Case(
        "A lesion as large as the brain",
        "works: a row with the reason `too_large`",
        as_large_as_the_head,
        check=excluded("too_large"),
        measured=True,
    ),
    Case(
        f"{N_MANY:,} lesions of one voxel", "works: each has its row", many, check=a_row_each, measured=True
    ),
    Case("No lesion at all", "works: a table without rows", drawn(), check=no_rows, measured=True),
    Case(
        "Lesions where this subject has no brain, from the mask of another subject",
        REFUSED + "most lesion voxels lie outside the brain",
        drawn((slice(0, 6), slice(0, 6), slice(0, 4)), (slice(58, 64), slice(58, 64), slice(16, 20))),
        r"desc-lesions_dseg\.nii\.gz: 100% of the lesion voxels lie outside the brain",
    ),
]
ROWS = rows(SECTION, CASES, "robustness/test_lesions.py::test_lesions")


@pytest.mark.parametrize("case", named(CASES))
def test_lesions(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
