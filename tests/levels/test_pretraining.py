import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table, write_lesion_table
from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.errors import CheckpointError, FeatureMismatchError, ModelError, UsageError
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.levels.fitting import StartModel, manifest_digest
from qsmrim_app.levels.gathering import gather
from qsmrim_app.levels.group import run_group
from qsmrim_app.levels.pretraining import starts_of
from qsmrim_app.levels.rated_lesions import rated_lesions
from qsmrim_app.tables.lesion_samples import read_samples, samples_to_bytes
from qsmrim_app.tables.lesion_table import LesionTable
from tests.levels.phantom_outputs import SUBJECTS, group_settings, write_outputs_of

OTHERS = ("05", "06", "07", "08")


def _settings(output_dir, **changes):
    return group_settings(output_dir, seeds=(0,), **changes)


def _trained(folder: Path, subjects=SUBJECTS, outlines="main", **changes) -> Path:
    """The model of a training on some subjects."""
    output_dir = write_outputs_of(folder / "out", subjects, outlines)
    run_group(_settings(output_dir, **changes))
    return output_dir / "models" / "qsmrim-net"


def _starts(output_dir, model, **changes):
    settings = _settings(output_dir, pretrained=model, **changes)
    gathered = gather(settings.sites or {"": output_dir}, settings.mask_variants, settings.train_only)
    return starts_of(settings, gathered, rated_lesions(gathered))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> Path:
    """A network trained on other subjects."""
    return _trained(tmp_path_factory.mktemp("pretrained"), OTHERS)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Path:
    """Outputs for the subjects; tests only look."""
    return write_outputs_of(tmp_path_factory.mktemp("untrained") / "out", SUBJECTS)


def test_every_fit_starts_from_the_model_and_the_results_say_so(pretrained, tmp_path):
    output_dir = write_outputs_of(tmp_path / "out", SUBJECTS)
    run_group(_settings(output_dir, pretrained=pretrained))
    info, before = (load_detector(f).info for f in (output_dir / "models/qsmrim-net", pretrained))
    name = f"qsmrim-net ({manifest_digest(pretrained)[:12]})"
    said = f"Every fit started from {name}, trained on simulated lesions."
    assert info.statement.endswith(said)
    assert said in (output_dir / "models/qsmrim-net/README.md").read_text()
    assert said in (output_dir / "group.html").read_text()
    for seen in ("fingerprints", "maps"):
        assert set(before.training[seen]) < set(info.training[seen])
    fits = [path.name for path in (output_dir / "work/training/qsmrim-net").iterdir() if path.is_dir()]
    run_group(_settings(output_dir))  # from nothing: other fits
    again = [path.name for path in (output_dir / "work/training/qsmrim-net").iterdir() if path.is_dir()]
    assert len(again) == 2 * len(fits)
    # what its start had seen, a model has seen too
    with pytest.raises(UsageError, match=r"held out \(4, '01' among them\)"):
        _starts(output_dir, output_dir / "work/../models/qsmrim-net", train=("ablation-image",))
    others = write_outputs_of(tmp_path / "others" / "out", OTHERS)
    run_group(_settings(tmp_path / "third", sites={"": write_outputs_of(tmp_path / "n/out", ("09", "10"))},
        pretrained=pretrained))  # fmt: skip
    with pytest.raises(UsageError, match=r"held out \(4, '05' among them\)"):
        _starts(others, tmp_path / "third/models/qsmrim-net")


def test_whoever_is_held_out_was_not_seen_under_other_outlines_either(tmp_path):
    model = _trained(tmp_path / "flair", SUBJECTS, "flair")
    other = write_outputs_of(tmp_path / "other", SUBJECTS[:3])
    for image in other.rglob("*.nii.gz"):  # simulated participants leave samples without images
        image.unlink()
    for path in other.rglob("*_samples.safetensors"):  # no lesion has the same outline
        samples = read_samples(path)
        path.write_bytes(samples_to_bytes(replace(samples, patches=samples.patches * 1.01)))
    before = sorted(other.rglob("*"))
    with pytest.raises(UsageError, match=r"held out \(3, '01' among them\)"):
        run_group(_settings(other, pretrained=model))
    assert sorted(other.rglob("*")) == before
    sites = {"a": write_outputs_of(tmp_path / "a/out", OTHERS)}  # who only trains may be known
    assert _starts(tmp_path / "b", model, sites=sites, train_only={"old": other})


def test_a_model_that_does_not_say_whom_it_saw_is_refused(pretrained, untrained):
    fit = next((pretrained.parents[1] / "work/training/qsmrim-net").glob("final*/model.json")).parent
    with pytest.raises(UsageError, match="does not say on which lesions it was trained"):
        _starts(untrained, fit)


def test_a_model_of_features_of_another_bin_width_is_refused(pretrained, tmp_path):
    output_dir = write_outputs_of(tmp_path / "out", SUBJECTS)
    for path in output_dir.rglob("*_samples.safetensors"):
        path.write_bytes(samples_to_bytes(replace(read_samples(path), bin_width_ppb=5.0)))
    with pytest.raises(FeatureMismatchError, match=r"--pretrained .* bins of 25 ppb, .* with 5 ppb"):
        _starts(output_dir, pretrained)


def test_a_model_that_the_training_would_replace_is_refused(pretrained, tmp_path):
    output_dir = write_outputs_of(tmp_path / "out", SUBJECTS)
    shutil.copytree(pretrained, output_dir / "models/qsmrim-net")
    with pytest.raises(UsageError, match="would replace it; copy it elsewhere"):
        _starts(output_dir, output_dir / "models/qsmrim-net")


def test_methods_that_cannot_start_are_warned_of_and_start_from_nothing(pretrained, untrained, caplog):
    starts = _starts(untrained, pretrained, train=("qsmrim-net", "aprl-nn", "rimnet", "aprl-rf"))
    assert set(starts) == {"qsmrim-net", "aprl-nn"}
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [text.split("'")[1] for text in warnings] == ["rimnet", "aprl-rf"]
    assert all(text.endswith("it starts from nothing") for text in warnings)


def test_where_nothing_can_start_the_call_is_refused(pretrained, untrained, tmp_path):
    with pytest.raises(UsageError, match="none of aprl-rf can start from it"):
        _starts(untrained, pretrained, train=("aprl-rf",))
    with pytest.raises(UsageError, match="add --train"):
        run_group(_settings(untrained, train=(), pretrained=pretrained))
    with pytest.raises(CheckpointError, match="name the folder of a model"):
        _starts(untrained, tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"network\.width is 4 here and 16 there"):
        _starts(untrained, Path("default"))  # the model that ships


def test_default_is_the_model_that_ships(untrained):
    detector = load_detector(DEFAULT_MODEL).settings
    starts = _starts(untrained, Path("default"), detector=detector)
    assert starts["qsmrim-net"].folder == DEFAULT_MODEL


def test_a_start_that_was_replaced_meanwhile_is_refused(pretrained, tmp_path):
    folder = Path(shutil.copytree(pretrained, tmp_path / "model"))
    start = StartModel(folder, manifest_digest(folder))
    start.load()
    manifest = folder / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text())))
    with pytest.raises(CheckpointError, match="another model was written there"):
        start.load()


def test_figures_on_patients_stay_such_when_the_start_was_simulated(pretrained, tmp_path):
    output_dir = write_outputs_of(tmp_path / "out", SUBJECTS)
    for path in output_dir.glob("sub-*/**/*_dseg.tsv"):  # a patient's lesion has no true rim status
        frame = read_lesion_table(path).frame.copy()
        frame.loc[:, "rim_truth"] = None
        write_lesion_table(path, LesionTable(frame))
    run_group(_settings(output_dir, pretrained=pretrained))
    card = (output_dir / "models/qsmrim-net/README.md").read_text()
    assert "Measured on held-out subjects of the training cohort." in card
    assert "say nothing of patients" not in card
    assert "20 lesions labelled by experts" in card
    assert "Trained on simulated lesions; for research, not for diagnosis." in card
    assert "Trained on simulated lesions; for research" in (output_dir / "group.html").read_text()
