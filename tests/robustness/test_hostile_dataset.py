"""A dataset with patients' data, markup and formulas wherever text can stand, and links to the outside."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import nibabel as nib
import pytest

from qsmrim_app.cli import main
from tests import phantoms
from tests.reports.builders import Tags
from tests.robustness.programs import run
from tests.robustness.rows import Row

SECTION = "Hostile files"
HERE = "robustness/test_hostile_dataset.py"
MARKUP = Row(
    SECTION,
    "markup and scripts in lesion names, folder names and sidecars",
    "works: shown as text; no element, attribute or address of a page comes from the data",
    f"{HERE}::test_markup_of_the_data_is_text_in_every_page",
)
FORMULAS = Row(
    SECTION,
    "lesion names that a spreadsheet would take for a formula (=, +, -, @)",
    "works: written behind an apostrophe, as spreadsheets mark text",
    f"{HERE}::test_no_cell_is_a_formula",
)
PATIENTS = Row(
    SECTION,
    "sidecars, participants.tsv and NIfTI headers that name the patient (name, birth date, identifiers)",
    "works: none of it is in any output, log or message",
    f"{HERE}::test_nothing_that_names_the_patient_is_copied",
)
LINKS = Row(
    SECTION,
    "links in bids_dir that lead outside of it, to files (as git-annex makes them) and to folders",
    "works: they are read; nothing outside of the output and work folders is written",
    f"{HERE}::test_nothing_is_written_outside_of_the_output",
)
OUTPUT_LINK = Row(
    SECTION,
    "an output folder in which a folder or a log is a link to somewhere else",
    "refused, exit 73, names the link; nothing is written there",
    f"{HERE}::test_an_output_that_leads_elsewhere_is_refused",
)
ROWS = (MARKUP, FORMULAS, PATIENTS, LINKS, OUTPUT_LINK)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("hostile_dataset")]

IMG = "<img src=x onerror=alert(1)>"
NAMES = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "+1+1{{7*7}}",
    "@SUM(1;2)",
    "-2+3\"'><svg onload=alert(1)>",
)
SECRETS = {
    "PatientName": "Geheim^Ernestine",
    "PatientBirthDate": "19630229",
    "PatientID": "MRN7734521",
    "PatientAddress": "Verborgene Gasse 9",
    "OtherPatientIDs": ["SSN-078-05-1120"],
    "ReferringPhysicianName": "Dr^Verschwiegen",
    "AccessionNumber": "ACC9918273",
    "global": {"const": {"PatientMotherBirthName": "Heimlich"}},
}
TRACES = (
    "Geheim",
    "19630229",
    "MRN7734521",
    "Verborgene",
    "078-05-1120",
    "Verschwiegen",
    "ACC9918273",
    "Heimlich",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The dataset in ``bids``, what it links to in ``outside``, and an empty home."""
    place = tmp_path_factory.mktemp("hostile")
    root = phantoms.write_dataset(place / "bids", phantoms.DatasetSpec(subjects=("01",), raters=False))
    for path in root.rglob("*_*.json"):
        if path.name != "dataset_description.json":
            path.write_text(json.dumps({**json.loads(path.read_text()), **SECRETS, "Comment": NAMES[0]}))
    (root / "FLAIR.json").write_text(json.dumps(SECRETS))
    (root / "participants.tsv").write_text("participant_id\tname\tbirth\nsub-01\tGeheim\t19630229\n")
    for path in root.rglob("*.nii.gz"):
        image = nib.load(path)
        image.header["descrip"] = b"MRN7734521 Geheim"
        image.header["db_name"] = b"Verschwiegen"
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Geheim^Ernestine 19630229"))
        path.write_bytes(gzip.compress(image.to_bytes()))
    (table,) = root.rglob("*_dseg.tsv")
    table.write_text("index\tname\n" + "".join(f"{n}\t{name}\n" for n, name in enumerate(NAMES, start=1)))
    (root / "derivatives" / "qsm").rename(root / "derivatives" / IMG)
    _send_outside(next(root.glob("sub-01/anat/*_FLAIR.nii.gz")), place / "outside")
    _send_outside(next(root.rglob("*_Chimap.nii.gz")), place / "outside")
    _send_outside(root / "derivatives" / "lesions", place / "outside")
    (place / "home").mkdir()
    (place / "tmp").mkdir()
    return place


def _send_outside(path, outside):
    outside.mkdir(exist_ok=True)
    shutil.move(path, outside / path.name)
    path.symlink_to(outside / path.name)


def state_of(folder):
    """Content, time and rights of everything below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture(scope="module")
def done(place):
    """What the program said, and the state of everything it must not touch, before and after."""
    kept = [place / name for name in ("bids", "outside", "home")]
    before = [state_of(folder) for folder in kept]
    mp = pytest.MonkeyPatch()
    mp.setenv("HOME", str(place / "home"))
    mp.setenv("TMPDIR", str(place / "tmp"))
    try:
        levels = (("participant", "--model", "none", "-v"), ("group",))
        said = [
            run((place / "bids", place / "out", *level), place / f"said-{level[0]}.txt") for level in levels
        ]
    finally:
        mp.undo()
    assert [ended.code for ended in said] == [0, 0], said
    return "".join(ended.said for ended in said), before, [state_of(folder) for folder in kept]


def texts_of(output_dir):
    """Every output by name, decompressed."""
    for path in sorted(output_dir.rglob("*")):
        if path.is_file():
            raw = path.read_bytes()
            yield path, gzip.decompress(raw) if path.suffix == ".gz" else raw


def test_markup_of_the_data_is_text_in_every_page(done, place):
    pages = sorted((place / "out").glob("*.html"))
    assert [page.name for page in pages] == ["group.html", "sub-01.html"]
    for page in pages:
        found = Tags(page.read_text())
        assert not found.named("script")
        assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
        assert not [1 for attributes in found.named("img") if not attributes["src"].startswith("data:image/")]
        assert "49" not in re.findall(r"\+1\+1(\d+)", found.text)
    shown = Tags(pages[1].read_text()).text
    assert NAMES[0] in shown
    assert f"bids:{IMG}:sub-01" in shown


def test_no_cell_is_a_formula(done, place):
    tables = sorted((place / "out").rglob("*.tsv")) + sorted((place / "out").rglob("*.csv"))
    cells = [cell for table in tables for line in table.read_text().splitlines() for cell in line.split("\t")]
    assert "'=cmd|' /C calc'!A0" in cells
    odd = [
        cell
        for cell in cells
        if cell[:1] in tuple("=+-@") and not re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", cell)
    ]
    assert odd == []


def test_nothing_that_names_the_patient_is_copied(done, place):
    said = done[0]
    assert not [trace for trace in TRACES if trace in said]
    for path, raw in texts_of(place / "out"):
        found = [trace for trace in TRACES if trace.encode() in raw]
        assert found == [], path


def test_nothing_is_written_outside_of_the_output(done, place):
    _, before, after = done
    assert after == before
    assert list((place / "tmp").iterdir()) == []
    assert {path.name for path in place.iterdir()} == {
        "bids", "outside", "home", "tmp", "out", "said-participant.txt", "said-group.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    "link",
    [
        "sub-01", "sub-01/anat", "logs", "work", "work/prepare_wf", "work/prepare_wf/sub_01_wf",
        "logs/training", "logs/training/aprl-rf", "logs/participant.log",
    ],
)  # fmt: skip
def test_an_output_that_leads_elsewhere_is_refused(link, place, tmp_path, capsys):
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "out" / link
    elsewhere.mkdir()
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere / "file" if path.suffix else elsewhere)
    before = state_of(elsewhere)
    code = main([str(place / "bids"), str(tmp_path / "out"), "participant", "--model", "none"])
    said = capsys.readouterr().err
    assert code == 73
    assert said.startswith(f"qsmrim: {path} is a link to {elsewhere}")
    assert said.count("\n") == 1
    assert state_of(elsewhere) == before


def test_an_output_folder_that_is_itself_a_link_is_followed(place, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    words = (place / "bids", tmp_path / "out", "participant", "--model", "none", "--boilerplate-only")
    assert main([*map(str, words)]) == 0
    assert Path(tmp_path / "disk" / "dataset_description.json").is_file()
