from dataclasses import replace
from pathlib import Path

import pytest

from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.errors import CheckpointError, UsageError
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.levels.group import run_group
from qsmrim_app.levels.pretraining import start_of
from tests.levels.phantom_outputs import SUBJECTS, group_settings, write_outputs_of


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> Path:
    """A network trained on other subjects."""
    output_dir = write_outputs_of(tmp_path_factory.mktemp("pretrained") / "out", ("05", "06", "07", "08"))
    run_group(group_settings(output_dir))
    return output_dir / "models" / "qsmrim-net"


@pytest.fixture
def output_dir(tmp_path) -> Path:
    return write_outputs_of(tmp_path / "out", SUBJECTS)


def test_every_fit_starts_from_the_model_and_the_result_says_so(output_dir, pretrained):
    run_group(replace(group_settings(output_dir), pretrained=pretrained))
    info = load_detector(output_dir / "models" / "qsmrim-net").info
    before = load_detector(pretrained).info
    assert info.statement.endswith(f"Every fit started from a model: {before.statement}")
    assert info.training["started_from"]["name"] == before.name
    assert before.statement in (output_dir / "models/qsmrim-net/README.md").read_text()
    fits = [folder.name for folder in (output_dir / "work/training/qsmrim-net").iterdir() if folder.is_dir()]
    run_group(group_settings(output_dir))  # from nothing: other fits
    again = [folder.name for folder in (output_dir / "work/training/qsmrim-net").iterdir() if folder.is_dir()]
    assert len(again) == 2 * len(fits)


def test_a_model_that_saw_who_is_held_out_is_refused_before_anything_is_written(output_dir, tmp_path):
    run_group(group_settings(output_dir))
    other = write_outputs_of(tmp_path / "other", SUBJECTS[:3])
    before = sorted(other.rglob("*"))
    settings = replace(group_settings(other), pretrained=output_dir / "models" / "qsmrim-net")
    with pytest.raises(
        UsageError, match=f"3 participants who are to be held out, '{SUBJECTS[0]}' among them"
    ):
        run_group(settings)
    assert sorted(other.rglob("*")) == before


def test_what_cannot_start_from_a_model(output_dir, pretrained, tmp_path):
    settings = replace(group_settings(output_dir), train=("aprl-rf",), pretrained=pretrained)
    with pytest.raises(UsageError, match="aprl-rf is no network"):
        run_group(settings)
    with pytest.raises(CheckpointError, match="name the folder of a model"):
        run_group(replace(group_settings(output_dir), pretrained=tmp_path / "nowhere"))


def test_default_is_the_model_that_ships(output_dir):
    settings = replace(group_settings(output_dir), pretrained=Path("default"))
    assert start_of("qsmrim-net", settings) == DEFAULT_MODEL
    assert start_of("aprl-rf", settings) is None
    assert start_of("qsmrim-net", group_settings(output_dir)) is None
