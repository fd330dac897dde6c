"""The participant level on phantom datasets, run as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.images import load_image, load_labels, read_grid, same_grid
from qsmrim_app.levels.participant import Outcome, describe_inputs, run_participants
from qsmrim_app.levels.session_report import model_of
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import InputSettings, ParticipantSettings, ResourceSettings
from tests import phantoms
from tests.levels.tiny_model import write_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("participant")]
EXPECTED = Path(__file__).parents[1] / "expected" / "participant_outputs.txt"


def run(bids_dir: Path, output_dir: Path, model: Path, **changes) -> Outcome:
    settings = ParticipantSettings(
        bids_dir, output_dir, model=model, resources=ResourceSettings(nprocs=2, device="cpu"), **changes
    )
    return run_participants(settings)


def table_of(output_dir: Path, subject: str):
    name = f"sub-{subject}/anat/sub-{subject}_space-Chimap_desc-lesions_dseg.tsv"
    return read_lesion_table(output_dir / name).frame.set_index("index")


def files_of(output_dir: Path) -> dict[str, bytes]:
    """Everything but logs, by name."""
    return {
        path.relative_to(output_dir).as_posix(): path.read_bytes()
        for path in sorted(output_dir.rglob("*"))
        if path.is_file() and path.relative_to(output_dir).parts[0] != "logs"
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("participant")


@pytest.fixture(scope="module")
def model(place) -> Path:
    return write_tiny_model(place / "model", place / "model_scratch")


@pytest.fixture(scope="module")
def bids_dir(place) -> Path:
    """Subject 01 with five lesions, 02 without any, 03 whose QSM is damaged."""
    spec = phantoms.DatasetSpec(subjects=("01", "02", "03"), lesions={"02": ()})
    root = phantoms.write_dataset(place / "bids", spec)
    (chimap,) = (root / "derivatives" / "qsm").glob("sub-03/anat/*_Chimap.nii.gz")
    chimap.write_bytes(chimap.read_bytes()[:2000])
    return root


@pytest.fixture(scope="module")
def done(bids_dir, place, model) -> tuple[Path, Outcome]:
    return place / "out", run(bids_dir, place / "out", model)


def test_one_damaged_subject_is_said_and_the_others_are_done(done):
    output_dir, outcome = done
    assert outcome.exit_code == 65
    status = json.loads((output_dir / "logs" / "status-sub-03.json").read_text())
    assert status["state"] == "failed"
    assert "sub-03_Chimap.nii.gz" in status["reason"]
    assert json.loads((output_dir / "logs" / "status-sub-01.json").read_text())["state"] == "done"
    assert "sub-03_Chimap.nii.gz" in (output_dir / "sub-03.html").read_text()


def test_the_outputs_are_those_that_are_promised(done):
    output_dir, _ = done
    written = {name for name in files_of(output_dir) if not name.startswith("work/")}
    assert written == set(EXPECTED.read_text().split())


def test_every_lesion_has_its_row_with_expert_and_prediction(done):
    table = table_of(done[0], "01")
    assert list(table.index) == [1, 2, 3, 4, 5]
    assert table["p_rim"].between(0, 1).all()
    assert dict(table["rim_expert"]) == {label: int(rim) for label, rim in phantoms.rim_truth().items()}
    assert (table["rim_predicted"] == (table["p_rim"] >= 0.5)).all()


def test_each_map_lies_on_the_qsm_and_says_what_the_table_says(done, bids_dir):
    output_dir, _ = done
    anat = output_dir / "sub-01" / "anat"
    chimap = read_grid(next((bids_dir / "derivatives" / "qsm").glob("sub-01/anat/*_Chimap.nii.gz")))
    labels = load_labels(anat / "sub-01_space-Chimap_desc-lesions_dseg.nii.gz").volume.data
    rim = load_labels(anat / "sub-01_space-Chimap_desc-rim_dseg.nii.gz").volume.data
    p_rim = load_image(anat / "sub-01_space-Chimap_label-rim_probseg.nii.gz").volume.data
    for path in anat.glob("*.nii.gz"):
        assert same_grid(read_grid(path), chimap), path
    for index, row in table_of(output_dir, "01").iterrows():
        assert set(rim[labels == index].tolist()) == {2 if row["rim_predicted"] else 1}
        np.testing.assert_allclose(p_rim[labels == index], row["p_rim"], rtol=1e-4)
    assert not p_rim[labels == 0].any()


def test_the_chimap_comes_back_unchanged(done, bids_dir):
    source = load_image(next((bids_dir / "derivatives" / "qsm").glob("sub-01/anat/*_Chimap.nii.gz"))).volume
    written = load_image(done[0] / "sub-01" / "anat" / "sub-01_desc-preproc_Chimap.nii.gz").volume
    np.testing.assert_allclose(written.data, source.data, rtol=1e-6)


def test_a_subject_without_lesions_has_every_output(done):
    output_dir, _ = done
    assert len(table_of(output_dir, "02")) == 0
    assert (output_dir / "sub-02.html").is_file()
    rows = (output_dir / "participants.tsv").read_text().splitlines()
    assert rows[2].split("\t")[:3] == ["sub-02", "1", "0"]


def test_the_same_input_gives_the_same_bytes(done, bids_dir, place, model, monkeypatch):
    again = place / "again"
    monkeypatch.chdir(place)  # a relative path is as good
    run(Path(bids_dir.name), again, model, inputs=InputSettings(participants=("01", "02")))
    first = {name: raw for name, raw in files_of(done[0]).items() if "03" not in name and "work/" not in name}
    assert files_of(again) == first


def test_an_image_stored_in_another_orientation_gives_the_same_lesions(done, place, model, bids_dir):
    turned = place / "turned"
    shutil.copytree(bids_dir, turned)
    for path in turned.rglob("sub-01*.nii.gz"):
        phantoms.store_in_axes(path, "LSA" if "FLAIR" in path.name else "PIR")
    run(turned, place / "turned_out", model, inputs=InputSettings(participants=("01",)))
    before, after = table_of(done[0], "01"), table_of(place / "turned_out", "01")
    assert before.equals(after)


def test_reports_can_be_made_anew(done, bids_dir, model):
    output_dir, _ = done
    page = output_dir / "sub-01.html"
    before = page.read_bytes()
    page.unlink()
    run(bids_dir, output_dir, model, reports_only=True, inputs=InputSettings(participants=("01",)))
    assert page.read_bytes() == before


def test_reports_of_a_session_whose_images_are_gone_are_made_and_said(done, bids_dir, model, place):
    poorer = place / "poorer"
    shutil.copytree(bids_dir, poorer)
    output_dir = place / "poorer_out"
    run(poorer, output_dir, model, inputs=InputSettings(participants=("01",)))
    (output_dir / "sub-01.html").unlink()
    next(poorer.glob("sub-01/anat/*FLAIR.nii.gz")).unlink()
    ended = run(poorer, output_dir, model, reports_only=True, inputs=InputSettings(participants=("01",)))
    assert ended.exit_code != 0
    assert "no FLAIR" in ended.summary
    assert (output_dir / "sub-01.html").exists()


def test_a_failed_run_leaves_results_and_their_model_as_they_were(bids_dir, model, place):
    damaged, output_dir, only = place / "damaged", place / "damaged_out", InputSettings(participants=("01",))
    shutil.copytree(bids_dir, damaged)
    assert run(damaged, output_dir, model, inputs=only).exit_code == 0
    before = model_of(output_dir, SessionKey("01"))
    (chimap,) = (damaged / "derivatives" / "qsm").glob("sub-01/anat/*_Chimap.nii.gz")
    chimap.write_bytes(chimap.read_bytes()[:2000])
    assert run(damaged, output_dir, model, inputs=only, operating_point="0.02").exit_code == 65
    assert model_of(output_dir, SessionKey("01")) == before
    assert before.threshold != 0.02

    ended = run(damaged, output_dir, model, reports_only=True, inputs=only)  # of a session that failed
    assert ended.exit_code == 65
    assert "sub-01_Chimap.nii.gz" in ended.summary


def test_the_dry_run_says_what_matched(bids_dir, model, place):
    told = describe_inputs(ParticipantSettings(bids_dir, place / "never"))
    assert told.exit_code == 0
    for word in ("sub-01", "Chimap", "FLAIR", "lesions"):
        assert word in told.summary
    assert not (place / "never").exists()
