"""The model that ships: it loads, it says what it is, and the demonstration is no part of its training."""

import json
import re
from pathlib import Path

from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.radiomic_features.features import feature_names

REPOSITORY = Path(__file__).parents[1]
MEBIBYTE = 2**20


def test_it_loads_and_says_that_it_was_trained_on_simulated_lesions():
    model = load_detector(DEFAULT_MODEL)
    assert model.info.trained_on_simulation
    assert "simulated" in model.info.statement
    assert model.info.feature_names == feature_names()
    assert set(model.info.operating_points) == {"f1", "high-sensitivity"}
    assert 0 < model.threshold("high-sensitivity") <= model.threshold("f1") < 1


def test_it_is_small_enough_to_ship():
    members = list(DEFAULT_MODEL.glob("*.safetensors"))
    assert len(members) % 2 == 1
    assert max(path.stat().st_size for path in members) <= 13 * MEBIBYTE
    assert sum(path.stat().st_size for path in DEFAULT_MODEL.iterdir()) <= 40 * MEBIBYTE


def test_the_seed_of_the_demonstration_is_not_among_the_training_seeds():
    trained_on = json.loads((DEFAULT_MODEL / "cohort.json").read_text())["simulation_seeds"]
    demo = re.search(r"^SEED \?= (\d+)$", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE)
    assert demo is not None
    assert trained_on
    assert int(demo[1]) not in trained_on
