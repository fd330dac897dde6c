"""Bad sessions beside a good one through the whole participant level, as a user runs it."""

from __future__ import annotations

import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.cli import main
from tests import phantoms
from tests.levels.tiny_model import write_tiny_model
from tests.robustness import (
    test_folders_and_names,
    test_geometry,
    test_lesions,
    test_masks,
    test_nifti_files,
    test_sidecars,
    test_tables,
    test_units,
)
from tests.robustness.cases import Case, named
from tests.robustness.joining import add_session
from tests.robustness.rows import Row
from tests.robustness.session import SPEC, SessionFiles

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("participant")]

GOOD = "good"
MODULES = (
    test_nifti_files, test_geometry, test_units, test_masks, test_lesions, test_sidecars, test_tables,
    test_folders_and_names,
)  # fmt: skip
CASES = [case for module in MODULES for case in module.CASES]
ONE = {case.trouble: case for case in CASES}
HANDFUL = {
    "02": ONE["A QSM that was cut off in the middle"],
    "03": ONE["A sidecar that is no JSON"],
    "04": ONE["A mask in the space of a template"],
    "05": ONE["No sidecar"],
}
BESIDE = "refused, exit 65: the others are analysed, and each failure stands in log, status and page"
ROWS = (
    Row(
        "Whole runs",
        "A work folder with an image of a step that was damaged since, as by a loss of power",
        "works, with a warning: the session is prepared anew",
        "preprocessing/test_workflow.py::test_what_was_damaged_since_is_made_anew",
    ),
    Row(
        "Whole runs",
        "A truncated QSM, a broken sidecar and a foreign mask in a dataset with two good participants",
        BESIDE,
        "robustness/test_whole_runs.py::test_the_others_are_done",
    ),
    Row(
        "Whole runs",
        "All sessions above that are refused or warned of, in one dataset with two good participants",
        "as stated there, by status, log and page; the good ones are done",
        "robustness/test_whole_runs.py::test_every_case_in_one_run",
    ),
    Row(
        "Whole runs",
        "Every case above that concerns a dataset as a whole, beside a good participant",
        "as stated there, by exit code, log and page; the good one is done",
        "robustness/test_whole_runs.py::test_every_bad_dataset_in_a_run_of_its_own",
    ),
    Row(
        "Whole runs",
        "`--participant-label` with a path",
        "refused, exit 64: no label of BIDS; nothing is written",
        "robustness/test_whole_runs.py::test_a_label_that_is_a_path_is_refused",
    ),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("model")
    return write_tiny_model(place / "model", place / "scratch")


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """Two good sessions, 01 and the one that stays good; read it, never write into it."""
    spec = replace(SPEC, subjects=("01", GOOD))
    return phantoms.write_dataset(tmp_path_factory.mktemp("two") / "bids", spec)


def run(root: Path, output_dir: Path, model: Path) -> int:
    options = ("--registration", "header", "--nprocs", "1", "--device", "cpu", "--model", str(model))
    return main([str(root), str(output_dir), "participant", *options])


def log_of(output_dir: Path) -> list[str]:
    return (output_dir / "logs" / "participant.log").read_text(encoding="utf-8").splitlines()


def require_good(output_dir: Path, subject: str) -> None:
    """Its status, its five rows, and its page are there."""
    status = json.loads((output_dir / "logs" / f"status-sub-{subject}.json").read_text())
    assert status["state"] == "done", status
    table = f"sub-{subject}/anat/sub-{subject}_space-Chimap_desc-lesions_dseg.tsv"
    assert len(read_lesion_table(output_dir / table).frame) == 5
    assert (output_dir / f"sub-{subject}.html").is_file()


def require_silence(said: str) -> None:
    assert "Traceback" not in said
    assert "internal error" not in said


def require_told(case: Case, output_dir: Path, label: str) -> None:
    """The sentence of a case stands in the log, once if it is a refusal, and on the page, as text."""
    said = case.said if label == "*" else case.said.replace("sub-01", f"sub-{label}")
    log = [line for line in log_of(output_dir) if label == "*" or f"sub-{label}" in line]
    told = [line for line in log if re.search(said, line)]
    assert told, (case.trouble, log)
    assert len(told) == 1 or not case.exit_code or case.for_all, told
    if "in the log" not in case.outcome:
        names = "sub-*.html" if label == "*" else f"sub-{label}*.html"
        pages = [path.read_text(encoding="utf-8") for path in output_dir.glob(names)]
        assert any(re.search(said, html.unescape(page)) for page in pages), case.trouble
    require_no_markup(output_dir)


def require_no_markup(output_dir: Path) -> None:
    """Nothing of a name or a sidecar is markup on a page."""
    for page in output_dir.glob("sub-*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<img src=x" not in text
        assert "<script>alert" not in text


def test_the_others_are_done(tmp_path, model, capsys):
    spec = replace(SPEC, subjects=("01", *HANDFUL))
    root = phantoms.write_dataset(tmp_path / "bids", spec)
    for subject, case in HANDFUL.items():
        case.spoil(SessionFiles(root, subject))
    out = tmp_path / "out"
    assert run(root, out, model) == 65
    require_good(out, "01")
    require_good(out, "05")
    log = log_of(out)
    for subject in ("02", "03", "04"):
        (sentence,) = [line for line in log if " ERROR " in line and f"sub-{subject}:" in line]
        status = json.loads((out / "logs" / f"status-sub-{subject}.json").read_text())
        assert (status["state"], status["exit_code"]) == ("failed", 65)
        assert status["reason"] in sentence
        assert re.search(HANDFUL[subject].said.replace("01", subject), sentence)
        assert html.escape(status["reason"], quote=False)[:40] in (out / f"sub-{subject}.html").read_text()
    assert "gives no Units" in (out / "sub-05.html").read_text()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.long
def test_every_case_in_one_run(good_dataset, two, tmp_path, model, capsys):
    root = Path(shutil.copytree(two, tmp_path / "bids"))
    (root / "participants.tsv").unlink()
    told = {f"{n:03d}": case for n, case in enumerate(CASES) if case.said and not case.alone}
    for label, case in told.items():
        add_session(case, good_dataset, tmp_path / f"of_{label}", root, label)
    out = tmp_path / "out"
    assert run(root, out, model) == max(case.exit_code for case in told.values())
    require_silence(capsys.readouterr().err)
    for subject in ("01", GOOD):
        require_good(out, subject)
    for label, case in told.items():
        (told_in,) = (out / "logs").glob(f"status-sub-{label}*.json")
        status = json.loads(told_in.read_text())
        assert status["exit_code"] == case.exit_code, (case.trouble, status)
        require_told(case, out, label)


@pytest.mark.long
@pytest.mark.parametrize("case", named([case for case in CASES if case.alone]))
def test_every_bad_dataset_in_a_run_of_its_own(case, two, tmp_path, model, capsys):
    root = Path(shutil.copytree(two, tmp_path / "bids"))
    case.spoil(SessionFiles(root))
    out = tmp_path / "out"
    assert run(root, out, model) == case.exit_code
    said = capsys.readouterr().err
    require_silence(said)
    if case.exit_code == 16:  # the whole dataset is refused
        (sentence,) = said.splitlines()
        assert re.search(case.said, sentence)
        return
    if not case.for_all:
        require_good(out, GOOD)
    if case.said:
        require_told(case, out, "*")
    else:
        require_good(out, "01")
        require_no_markup(out)


def test_a_label_that_is_a_path_is_refused(two, tmp_path, capsys):
    out = tmp_path / "out"
    words = [str(two), str(out), "participant", "--participant-label", "01", "../../../escaped"]
    assert main(words) == 64
    said = capsys.readouterr().err
    assert "'../../../escaped' is no label of BIDS" in said
    assert said.count("\n") == 1
    assert not out.exists()
