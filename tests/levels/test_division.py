from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.bids_io.fold_table import FOLD_COLUMNS, read_folds
from qsmrim_app.bids_io.tables_io import write_table
from qsmrim_app.errors import InputError, QsmrimError, UsageError
from qsmrim_app.evaluation.folds import TRAIN_ONLY, assign_folds
from qsmrim_app.levels.division import divide, paired_folds
from qsmrim_app.settings import LEAVE_ONE_SITE_OUT, GroupSettings
from tests.levels.rated import rated_of

COHORT = {"01": (1, 0, 0), "02": (0, 0), "03": (1, 1, 0), "04": (1, 0), "05": (0,), "06": (1, 0)}
SITES = {"b:01": (1, 0), "a:02": (1, 0), "b:03": (0, 0), "c:04": (1, 0)}


def settings(folds: int | str | Path, **changes) -> GroupSettings:
    folds = str(folds) if isinstance(folds, Path) else folds
    return GroupSettings(Path("bids"), Path("out"), folds=folds, **changes)


def table(folder: Path, fold_of) -> Path:
    path = folder / "given.tsv"
    write_table(path, ("subject", "fold"), fold_of.items())
    return path


def test_a_number_of_folds_is_stratified_by_the_seed():
    division = divide(settings(3, random_seed=7), rated_of(COHORT))
    expected = assign_folds(rated_of(COHORT).rim_counts(), 3, np.random.default_rng(7))
    assert division.fold_of == expected
    assert division.folds == (0, 1, 2)


def test_one_fold_a_site():
    division = divide(settings(LEAVE_ONE_SITE_OUT), rated_of(SITES))
    assert division.fold_of == {"a:02": 0, "b:01": 1, "b:03": 1, "c:04": 2}


@pytest.mark.parametrize("cohort", [COHORT, {"a:01": (1, 0), "a:02": (1, 0), "extra:03": (1, 0)}])
def test_one_site_cannot_be_left_out(cohort):
    with pytest.raises(InputError, match="two sites") as failure:
        divide(settings(LEAVE_ONE_SITE_OUT), rated_of(cohort))
    assert failure.value.exit_code == 65


def test_folds_that_were_written_give_the_same_folds_and_draws(tmp_path):
    rated = rated_of(COHORT | {"extra:09": (1, 0)})
    first = divide(settings(3), rated)
    write_table(tmp_path / "folds.tsv", tuple(FOLD_COLUMNS), first.rows(rated))
    again = divide(settings(tmp_path / "folds.tsv"), rated)
    assert again.fold_of == first.fold_of
    assert again.fold_of["extra:09"] == TRAIN_ONLY
    assert np.array_equal(again.draws.times, first.draws.times)
    assert again.rows(rated) == first.rows(rated)
    assert {row[0]: row[2:] for row in first.rows(rated)}["03"] == (3, 2)


def test_numbers_of_folds_stay_as_the_table_has_them(tmp_path):
    given = {"01": 4, "02": 4, "03": 9, "04": 9, "05": 4, "06": 1}
    division = divide(settings(table(tmp_path, given)), rated_of(COHORT))
    assert division.fold_of == given
    assert division.folds == (1, 4, 9)


def test_a_participant_without_rated_lesions_may_stand_in_the_table(tmp_path):
    given = {**dict.fromkeys(COHORT, 0), "03": 1, "77": 0}
    path = table(tmp_path, given)
    assert "77" not in divide(settings(path), rated_of(COHORT, without_lesions=["77"])).fold_of
    with pytest.raises(InputError, match=r"1 subject.*: 77, and no such participant"):
        divide(settings(path), rated_of(COHORT))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"05": None, "06": None}, r"no fold for 2 subject\(s\): 05, 06;"),
        ({"site:05": 0}, r"names 1 subject\(s\): site:05, .*called as '01' is"),
        ({"03": 0}, "into one fold"),
    ],
)
def test_a_table_that_does_not_fit_the_subjects(change, said, tmp_path):
    given = {**dict.fromkeys(COHORT, 0), "03": 1} | change
    path = table(tmp_path, {subject: fold for subject, fold in given.items() if fold is not None})
    with pytest.raises(InputError, match=said) as failure:
        divide(settings(path), rated_of(COHORT))
    assert failure.value.exit_code == 65
    assert str(path) in str(failure.value)


@pytest.mark.parametrize(
    ("cohort", "folds", "strict", "kind", "said"),
    [
        ({"01": (0, 0), "02": (0,)}, 2, False, InputError, "0 of 3 rated lesions are rim.*need both"),
        ({"01": (1,), "02": (1, 1)}, 2, False, InputError, "3 of 3 rated lesions are rim"),
        ({"01": (0, 0), "02": (0,), "extra:1": (1, 0)}, 2, False, InputError, "0 of 3 rated"),
        ({"01": (1, 0), "02": (0, 0)}, 2, False, InputError, "without fold . there are 0 rim.*use other"),
        ({"01": (1, 0), "02": (1, 1)}, 2, False, InputError, "without fold . there are 2 rim.* among 2"),
        ({"01": (1, 0), "02": (1, 0)}, 3, False, UsageError, "3 folds do not fit 2 subjects"),
        ({"01": (1, 0), "02": (1, 0)}, 2, True, UsageError, "need three, found 2"),
        ({"01": (1,), "02": (1, 0), "03": (0,)}, 3, True, InputError, "without fold . and . there are 1 rim"),
    ],
)  # fmt: skip
def test_folds_that_leave_nothing_to_learn_from(cohort, folds, strict, kind, said):
    with pytest.raises(kind, match=said):
        divide(settings(folds, strict_thresholds=strict), rated_of(cohort))


def test_what_only_trains_can_bring_the_class_that_a_fold_lacks():
    cohort = {"01": (1, 0), "02": (0, 0), "extra:1": (1, 0)}
    assert divide(settings(2), rated_of(cohort)).folds == (0, 1)


def test_fewer_rims_than_folds_is_a_warning(tmp_path):
    cohort = {"01": (1, 0), "02": (1, 0), "03": (0,), "04": (0,), "05": (0, 0)}
    given = {"01": 0, "02": 1, "03": 2, "04": 3, "05": 3}
    (warning,) = divide(settings(table(tmp_path, given)), rated_of(cohort)).warnings
    assert warning.startswith("2 of 4 folds hold out lesions of one class alone (2, 3); they have no curve")
    assert not divide(settings(2), rated_of(COHORT)).warnings


def test_one_subject_a_fold_leaves_intervals_without_width():
    cohort = {"01": (1, 0), "02": (1, 0), "03": (1, 0)}
    (warning,) = divide(settings(3), rated_of(cohort)).warnings
    assert "have no width" in warning


@pytest.mark.parametrize(
    ("folds", "pairs"),
    [
        ((0, 1, 2), ((0, 1), (2, 0))),
        ((0, 1, 2, 3), ((0, 1), (2, 3))),
        ((1, 4, 9, 11, 12), ((1, 4), (9, 11), (12, 1))),
    ],
)
def test_every_fold_has_a_partner(folds, pairs):
    assert paired_folds(folds) == pairs
    assert {fold for pair in pairs for fold in pair} == set(folds)


def test_errors_are_ours(tmp_path):
    with pytest.raises(QsmrimError):
        divide(settings(tmp_path / "no.tsv"), rated_of(COHORT))
    assert read_folds(table(tmp_path, {"a": 0})) == {"a": 0}
