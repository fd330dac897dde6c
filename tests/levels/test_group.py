from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.bids_io.label_tables import LabelRow
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.errors import NothingSelectedError, UsageError
from qsmrim_app.levels.gathering import gather
from qsmrim_app.levels.group import run_group
from qsmrim_app.levels.measuring import ExpertRim, measure_session
from qsmrim_app.levels.session_tasks import WriteTask, write_outputs
from qsmrim_app.records import SubjectInputs
from qsmrim_app.settings import (
    DetectorSettings,
    GroupSettings,
    LesionSettings,
    NetworkSettings,
    ResourceSettings,
    TrainingSettings,
)
from tests import phantoms
from tests.levels.prepared import prepare_phantom

SUBJECTS = ("01", "02", "03", "04")


def write_subject(subject: str, output_dir: Path, scratch: Path) -> None:
    """The outputs of the participant level for a phantom, without preprocessing and without a model."""
    case = phantoms.phantom_case(subject=subject, seed=int(subject))
    prepared = prepare_phantom(case, scratch)
    truth = phantoms.rim_truth()
    rows = {
        label: LabelRow(label, "", int(rim), int(rim), int(rim), int(rim)) for label, rim in truth.items()
    }
    measured = measure_session(
        prepared, {}, ExpertRim(rows, case.lesions), LesionSettings(), DetectorSettings()
    )
    inputs = SubjectInputs(
        case.key, prepared.native_qsm, prepared.native_flair, prepared.native_lesions, "instances", "QSM",
        datasets=dict.fromkeys(("qsm", "flair", "lesions"), "bids:raw:x"),
    )  # fmt: skip
    write_outputs(WriteTask(inputs, prepared, measured.table, measured.samples, output_dir))


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("group")
    for subject in SUBJECTS:
        scratch = folder / "scratch" / subject
        scratch.mkdir(parents=True)
        write_subject(subject, folder / "out", scratch)
    (folder / "bids").mkdir()
    return folder / "out"


def settings(output_dir: Path, **changes) -> GroupSettings:
    detector = DetectorSettings(
        network=NetworkSettings(width=4, radiomic_hidden=16, embedding=16, classifier_hidden=8),
        training=TrainingSettings(epochs=2, batch_size=8),
    )
    base = GroupSettings(
        output_dir.parent / "bids", output_dir, ("qsmrim-net",), folds=2, seeds=(0, 1, 2), detector=detector,
        resources=ResourceSettings(nprocs=2, device="cpu"),
    )  # fmt: skip
    return replace(base, **changes)


def test_gathering_joins_samples_and_expert_status_by_key(output_dir):
    gathered = gather({"": output_dir})
    assert len(gathered.table) == len(gathered.samples) == 5 * len(SUBJECTS)
    assert gathered.is_simulated
    for key, rim in zip(gathered.samples.keys, gathered.samples.rim, strict=True):
        assert rim == phantoms.rim_truth()[key[2]]


def test_sites_keep_subjects_of_one_name_apart(output_dir):
    gathered = gather({"a": output_dir, "b": output_dir})
    assert len(gathered.table) == 10 * len(SUBJECTS)
    assert set(gathered.samples.subjects) == {f"{site}:{s}" for site in "ab" for s in SUBJECTS}


def test_training_leaves_a_bundle_with_thresholds_from_held_out_subjects(output_dir, tmp_path):
    said = run_group(settings(output_dir))
    model = load_detector(output_dir / "models" / "qsmrim-net")
    assert set(model.info.operating_points) >= {"f1"}
    assert model.info.trained_on_simulation
    assert model.info.metrics["n_lesions"] == 20
    assert model.info.metrics["n_rim"] == 8
    metrics = model.info.metrics
    assert metrics["tp"] + metrics["fn"] == 8
    assert metrics["fp"] + metrics["tn"] == 12
    samples = gather({"": output_dir}).samples
    assert model.predict_members(samples).shape == (20, 3)
    assert "simulated lesions" in said
    assert (output_dir / "models" / "qsmrim-net" / "README.md").read_text().count("imulated")
    assert len(read_lesion_table(output_dir / "group_lesions.tsv")) == 20


def test_a_finished_fit_is_not_made_again_and_gives_the_same_model(output_dir):
    run_group(settings(output_dir))
    bundle = output_dir / "models" / "qsmrim-net"
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    fits = output_dir / "work" / "training" / "qsmrim-net"
    times = {path: path.stat().st_mtime_ns for path in fits.glob("*/model.json")}
    assert len(times) == 9
    run_group(settings(output_dir))
    assert {path: path.stat().st_mtime_ns for path in fits.glob("*/model.json")} == times
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


def test_what_cannot_be_trained_is_said(output_dir, tmp_path):
    with pytest.raises(UsageError, match="unknown method 'magic'"):
        run_group(settings(output_dir, train=("magic",)))
    with pytest.raises(NothingSelectedError, match="no lesion table"):
        run_group(settings(output_dir, sites={"empty": tmp_path}))


def test_without_methods_the_group_level_gathers(output_dir):
    assert "20 lesions gathered" in run_group(settings(output_dir, train=()))
    assert np.isfinite(read_lesion_table(output_dir / "group_lesions.tsv").frame["qsm_mean_ppb"]).all()
