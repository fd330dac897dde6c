"""JSON that is none, that is something else, or that nobody should read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.robustness.cases import Case, judge, named, rows
from tests.robustness.session import SessionFiles, beside

SECTION = "JSON sidecars"
REFUSED = "refused, exit 65: "
GOOD = '{"Units": "ppm", "SkullStripped": true}'


def sidecar(content: str | bytes) -> Callable[[SessionFiles], None]:
    """What stands beside the Chimap."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda files: files.sidecar.write_bytes(raw) and None


def description(content: str, dataset: str = "") -> Callable[[SessionFiles], None]:
    return lambda files: (files.root / dataset / "dataset_description.json").write_text(content) and None


def a_folder(files: SessionFiles) -> None:
    files.sidecar.unlink()
    files.sidecar.mkdir()


def dangling(files: SessionFiles) -> None:
    files.sidecar.unlink()
    files.sidecar.symlink_to("../../../.git/annex/objects/ab/cd/MD5E-s30--0.json")


def no_sidecar(files: SessionFiles) -> None:
    files.sidecar.unlink()


def for_all(files: SessionFiles) -> None:
    (files.root / "derivatives" / "qsm" / "Chimap.json").write_text('{"Units": "ppm"')


def of_the_lesions(files: SessionFiles) -> None:
    """Read only where the name of the map gives no space."""
    name = files.lesions.name.replace("space-FLAIR_", "")
    files.lesions.rename(files.lesions.with_name(name))
    files.table.unlink()
    path = beside(files.lesions, ".json")
    path.unlink()
    beside(files.lesions.with_name(name), ".json").write_text("[]")


PATH = r"sub-01_Chimap\.json "
DEEP = "[" * 200_000 + "]" * 200_000
CASES = [
    Case(
        "A sidecar that is no JSON",
        REFUSED + "no readable JSON",
        sidecar("{'Units': 'ppm',}"),
        PATH + "is no readable JSON",
    ),
    Case("A sidecar of 0 bytes", REFUSED + "no readable JSON", sidecar(""), PATH + "is no readable JSON"),
    Case(
        "A sidecar cut off in the middle",
        REFUSED + "no readable JSON",
        sidecar(GOOD[:20]),
        PATH + "is no readable JSON",
    ),
    Case(
        "A sidecar that holds a list",
        REFUSED + "a sidecar is a JSON object",
        sidecar(f"[{GOOD}]"),
        PATH + "holds no JSON object",
    ),
    Case(
        "A sidecar of 50 MB",
        REFUSED + "too large for a sidecar; it is not read",
        sidecar(GOOD[:-1] + f', "Comment": "{"x" * 50_000_000}"}}'),
        PATH + r"has 50\.\d MB, too many for a sidecar",
    ),
    Case(
        "A sidecar of brackets, 200,000 deep",
        REFUSED + "no readable JSON",
        sidecar(DEEP),
        PATH + "is no readable JSON",
    ),
    Case(
        "A sidecar in Latin-1",
        REFUSED + "no readable JSON",
        sidecar('{"Units": "ppm", "InstitutionName": "Universität"}'.encode("latin-1")),
        PATH + "is no readable JSON",
    ),
    Case(
        "A sidecar in UTF-16",
        REFUSED + "no readable JSON",
        sidecar(GOOD.encode("utf-16")),
        PATH + "is no readable JSON",
    ),
    Case("A sidecar with a byte order mark", "works", sidecar(GOOD.encode("utf-8-sig"))),
    Case("A sidecar with Windows line ends", "works", sidecar(GOOD.replace(", ", ",\r\n"))),
    Case("A sidecar with NaN in it", "works", sidecar('{"Units": "ppm", "EchoTime": NaN}')),
    Case(
        "A number of 5,000 digits",
        REFUSED + "no readable JSON",
        sidecar('{"Units": "ppm", "Seed": ' + "1" * 5000 + "}"),
        PATH + "is no readable JSON",
    ),
    Case(
        "No sidecar",
        "works, with a warning: ppm by the range of the values",
        no_sidecar,
        "its sidecar gives no Units",
    ),
    Case("A folder in place of the sidecar", REFUSED + "no readable JSON", a_folder, PATH + "is no readable"),
    Case(
        "A sidecar that git-annex has not fetched",
        "refused, exit 66: fetch it first",
        dangling,
        PATH + "is a link without content; run 'datalad get'",
    ),
    Case(
        "Markup in `Units`",
        REFUSED + "a susceptibility map is in ppm or ppb",
        sidecar(json.dumps({"Units": "<script>alert(1)</script>"})),
        r"sub-01_Chimap\.nii\.gz: Units is '<script>",
    ),
    Case(
        "A broken JSON file at the top that all images inherit",
        REFUSED + "no readable JSON",
        for_all,
        r"qsm/Chimap\.json is no readable JSON",
        for_all=True,
        alone=True,
    ),
    Case(
        "A list as the sidecar of the lesion map",
        REFUSED + "a sidecar is a JSON object",
        of_the_lesions,
        r"desc-lesions_dseg\.json holds no JSON object",
    ),
    Case(
        "A `dataset_description.json` that holds a list",
        "refused, exit 16: no BIDS dataset",
        description("[]"),
        r"dataset_description\.json is no JSON object",
        alone=True,
    ),
    Case(
        "A `dataset_description.json` of brackets, 200,000 deep",
        "refused, exit 16: no BIDS dataset",
        description(DEEP),
        r"dataset_description\.json is no JSON object",
        alone=True,
    ),
    Case(
        "A broken `dataset_description.json` of a derivative",
        "works",
        description("{", "derivatives/qsm"),
        alone=True,
    ),
]
ROWS = rows(SECTION, CASES, "robustness/test_sidecars.py::test_sidecar")


@pytest.mark.parametrize("case", named(CASES))
def test_sidecar(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
