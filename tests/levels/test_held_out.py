import dataclasses

import numpy as np
import pytest

from qsmrim_app.evaluation.thresholds import f1_threshold
from qsmrim_app.levels.fitting import FitName
from qsmrim_app.levels.held_out import HELD_OUT_COLUMNS, OutOfFold, predict_held_out, strict_thresholds
from tests.levels.rated import rated_of

COHORT = {"01": (1, 0, 0), "02": (1, 0), "03": (1, 1, 0), "04": (1, 0), "05": (0,), "extra:6": (1, 0)}
FOLDS = {"01": 0, "02": 1, "03": 2, "04": 2, "05": 0, "extra:6": -2}


class Known:
    """A member that gives each lesion a logit by its fit and its place, and says what it was asked."""

    def __init__(self, base: float) -> None:
        self.base, self.asked = base, []

    def predict_logits(self, samples, device="cpu"):
        self.asked += [key[0] for key in samples.keys]
        return np.array([[self.base + key[2] % 7] for key in samples.keys])


@pytest.fixture
def fits():
    names = [FitName(fold, 0) for fold in (0, 1, 2)] + [FitName(0, 0, 1), FitName(2, 0, 0)]
    return {name: Known(10.0 * place) for place, name in enumerate(names)}


def test_strict_thresholds_are_chosen_on_the_partner_by_a_member_that_saw_neither(fits):
    rated = rated_of(COHORT)
    found = strict_thresholds(fits, rated, FOLDS, 0)
    assert list(found) == [0, 1, 2]
    subjects, rim = rated.samples.subjects, rated.samples.rim
    for fold, other, name in ((0, 1, FitName(0, 0, 1)), (1, 0, FitName(0, 0, 1)), (2, 0, FitName(2, 0, 0))):
        rows = np.array([FOLDS[subject] == other for subject in subjects])
        logits = np.array([fits[name].base + key[2] % 7 for key in rated.samples.keys])[rows]
        assert found[fold] == f1_threshold(logits, rim[rows])
    assert not any(fits[FitName(fold, 0)].asked for fold in (0, 1, 2))
    assert set(fits[FitName(2, 0, 0)].asked) == {"01", "05"}


def test_a_partner_without_rims_calls_nothing(fits):
    rated = rated_of(COHORT | {"02": (0, 0)})
    assert strict_thresholds(fits, rated, FOLDS, 0)[0] == np.inf


def test_raters_go_with_their_lesion(fits):
    rated = rated_of(COHORT)
    said = np.column_stack([np.arange(len(rated.samples)) % 2, np.full(len(rated.samples), np.nan)])
    held_out = predict_held_out(fits, dataclasses.replace(rated, raters=said), FOLDS, (0,))
    assert len(held_out.keys) == 11
    rows = held_out.rows(np.full(11, 0.5), np.zeros(11, dtype=bool))
    for place, row in enumerate(rows):
        told = dict(zip(HELD_OUT_COLUMNS, row, strict=True))
        assert (told["rim_rater1"], told["rim_rater2"]) == (place % 2, None)
        assert told["logit"] == 10.0 * FOLDS[told["subject"]] + told["index"] % 7


def test_rows_without_raters(fits):
    held_out = predict_held_out(fits, rated_of(COHORT), FOLDS, (0,))
    assert held_out.raters is None
    row = dict(zip(HELD_OUT_COLUMNS, held_out.rows(np.zeros(11), np.zeros(11, dtype=bool))[0], strict=True))
    assert row["rim_rater1"] is None
    assert (
        OutOfFold(held_out.keys, held_out.variants, held_out.logits, held_out.folds, held_out.rim).raters
        is None
    )
