"""Settings survive JSON, and refuse what they do not know."""

import dataclasses
import json
from pathlib import Path

import pytest

from qsmrim_app import settings
from qsmrim_app.errors import UsageError
from qsmrim_app.plain_data import from_plain, to_plain, with_values
from qsmrim_app.settings import (
    DetectorSettings,
    GroupSettings,
    InputSettings,
    ParticipantSettings,
    PreprocessingSettings,
    SimulationSettings,
)

EXAMPLES = [
    ParticipantSettings(
        Path("bids"),
        Path("out"),
        inputs=InputSettings(
            derivatives={"qsm": Path("d/qsm")},
            participants=("01", "02"),
            bids_filters={"flair": {"acquisition": "3d", "run": 1}},
        ),
        preprocessing=PreprocessingSettings(analysis_spacing_mm=(0.5, 0.5, 2.0)),
    ),
    GroupSettings(Path("bids"), Path("out"), train=("qsmrim-net",), sites={"basel": Path("b")}, seeds=(4, 5)),
    DetectorSettings(method="rimnet"),
    SimulationSettings(n_participants=3, seed=9, guarantee_rim=True),
]


def _kinds():
    return [kind for kind in vars(settings).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_settings_come_back_from_json(example):
    text = json.dumps(to_plain(example))
    assert from_plain(type(example), json.loads(text)) == example


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_every_knob_is_frozen_and_typed_in_json(kind):
    needed = {
        item.name: Path("x")
        for item in dataclasses.fields(kind)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    }
    example = kind(**needed)
    first = dataclasses.fields(example)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(example, first, None)
    assert from_plain(kind, json.loads(json.dumps(to_plain(example)))) == example


def test_unknown_name_is_refused_and_named():
    with pytest.raises(UsageError, match="epoch_count"):
        from_plain(DetectorSettings, {"training": {"epoch_count": 3}})


def test_wrong_type_is_refused():
    with pytest.raises(UsageError):
        from_plain(DetectorSettings, {"spacing_mm": "thin"})


def test_unknown_choice_is_refused():
    with pytest.raises(UsageError):
        from_plain(PreprocessingSettings, {"registration": "elastic"})


def test_with_values_changes_nested_fields_and_nothing_else():
    before = DetectorSettings()
    after = with_values(before, {"training.epochs": 2, "training.augment": False, "method": "rimnet"})
    assert (after.method, after.training.epochs, after.training.augment) == ("rimnet", 2, False)
    assert dataclasses.replace(after, method=before.method, training=before.training) == before
    assert before == DetectorSettings()


def test_with_values_refuses_an_unknown_field():
    with pytest.raises(UsageError, match="epoch"):
        with_values(DetectorSettings(), {"training.epoch": 2})


def test_the_paper_is_the_default():
    paper = DetectorSettings()
    assert paper.patch.shape_vox == (32, 32, 16)
    assert (paper.network.width, paper.network.n_features) == (64, 527)
    assert (paper.training.epochs, paper.training.batch_size, paper.training.learning_rate) == (40, 64, 1e-4)
    assert len(GroupSettings(Path("a"), Path("b")).seeds) == 3
