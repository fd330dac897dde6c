"""A Chimap in another unit than ppm, and what is no susceptibility at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qsmrim_app.images import load_labels
from qsmrim_app.preprocessing.similarity import dice
from tests.robustness.cases import Case, judge, named, rows, same_lesions
from tests.robustness.session import SessionFiles, rewrite

SECTION = "Units of the QSM"
REFUSED = "refused, exit 65: "
UNSTATED = object()


def in_unit(factor: float, units: Any = UNSTATED) -> Callable[[SessionFiles], None]:
    """The QSM, which is stored in ppm, times a factor, and Units in its sidecar."""

    def spoil(files: SessionFiles) -> None:
        rewrite(files.qsm, change=lambda data: data * np.float32(factor))
        stated = {} if units is UNSTATED else {"Units": units}
        files.sidecar.write_text(json.dumps({"SkullStripped": True, **stated}))

    return spoil


def magnitude_as_chimap(units: Any) -> Callable[[SessionFiles], None]:
    def spoil(files: SessionFiles) -> None:
        files.qsm.write_bytes(files.magnitude.read_bytes())
        files.sidecar.write_text(json.dumps({"Units": units}))

    return spoil


def not_masked(files: SessionFiles) -> None:
    noise = np.random.default_rng(1)
    rewrite(
        files.qsm,
        change=lambda data: np.where(data == 0, noise.normal(0, 0.05, data.shape).astype(np.float32), data),
    )


def background(level: float) -> Callable[[SessionFiles], None]:
    """The QSM with another value than 0, ppm, where nothing was measured."""

    def spoil(files: SessionFiles) -> None:
        rewrite(files.qsm, change=lambda data: np.where(data == 0, np.float32(level), data))

    return spoil


def same_head(result, undisturbed):
    """The brain mask, from the magnitude now, is nearly that of the masked QSM."""
    masks = [load_labels(one.prepared.native_brain_mask).volume.data > 0 for one in (result, undisturbed)]
    assert dice(*masks) > 0.95


CASES = [
    Case("A QSM in ppb, with `Units`", "works", in_unit(1000, "ppb")),
    Case("`Units` in capitals with spaces", "works", in_unit(1, " PPM ")),
    Case(
        "A QSM in ppm, without `Units`",
        "works, with a warning: ppm by the range of the values",
        in_unit(1),
        r"sub-01_Chimap\.nii\.gz: its sidecar gives no Units; by their range the values were taken for ppm",
    ),
    Case(
        "A QSM in ppb, without `Units`",
        "works, with a warning: ppb by the range of the values",
        in_unit(1000),
        r"sub-01_Chimap\.nii\.gz: its sidecar gives no Units; by their range the values were taken for ppb",
    ),
    Case(
        "`Units` that is `null`",
        "works, with a warning: ppm by the range of the values",
        in_unit(1, None),
        r"its sidecar gives no Units",
    ),
    Case(
        "A phase or field map in rad, with `Units`",
        REFUSED + "a susceptibility map is in ppm or ppb",
        in_unit(20, "rad"),
        r"sub-01_Chimap\.nii\.gz: Units is 'rad'; a susceptibility map is in ppm",
    ),
    Case(
        "A field map in Hz, with `Units`",
        REFUSED + "a susceptibility map is in ppm or ppb",
        in_unit(300, "Hz"),
        r"sub-01_Chimap\.nii\.gz: Units is 'Hz'",
    ),
    Case(
        "A field map in rad, without `Units`, whose range fits ppm and ppb",
        REFUSED + "the unit is unknown",
        in_unit(80),
        r"sub-01_Chimap\.nii\.gz: unit unknown \(99\.5 % of \|values\| lie below \d\.\d+\); write",
    ),
    Case(
        "A field map in Hz, without `Units`, whose range fits ppb",
        "works, with a warning: taken for ppb, since nothing in the file says otherwise",
        in_unit(400),
        r"sub-01_Chimap\.nii\.gz: its sidecar gives no Units; by their range the values were taken for ppb",
        same_lesions,
    ),
    Case(
        "`Units` says ppm, the values are in ppb",
        REFUSED + "the values contradict the stated unit",
        in_unit(1000, "ppm"),
        r"sub-01_Chimap\.nii\.gz: Units says ppm, but 99\.5 %",
    ),
    Case(
        "`Units` says ppb, the values are in ppm",
        REFUSED + "the values contradict the stated unit",
        in_unit(1, "ppb"),
        r"sub-01_Chimap\.nii\.gz: Units says ppb, but 99\.5 %",
    ),
    Case(
        "`Units` that is a list",
        REFUSED + "a susceptibility map is in ppm or ppb",
        in_unit(1, ["ppm"]),
        r"sub-01_Chimap\.nii\.gz: Units is ",
    ),
    Case(
        "`Units` that is an empty text",
        "works, with a warning: ppm by the range of the values",
        in_unit(1, ""),
        r"its sidecar gives no Units",
    ),
    Case(
        "A magnitude image given as the Chimap, with `Units`",
        REFUSED + "the values contradict the stated unit",
        magnitude_as_chimap("ppm"),
        r"sub-01_Chimap\.nii\.gz: Units says ppm, but 99\.5 %",
    ),
    Case(
        "A QSM whose background is a constant, -0.5 ppm say, as some programs export it",
        "works, with a warning: the constant is taken for the background and set to 0",
        background(-0.5),
        r"sub-01_Chimap\.nii\.gz: \d+% of the voxels hold -0\.5; they were taken for the background",
    ),
    Case(
        "A QSM that is not masked",
        "works, with a warning: the brain mask comes from the magnitude",
        not_masked,
        r"the QSM is not masked; the brain mask comes from the magnitude",
        same_head,
    ),
]
ROWS = rows(SECTION, CASES, "robustness/test_units.py::test_units")


@pytest.mark.parametrize("case", named(CASES))
def test_units(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
