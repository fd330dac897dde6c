"""A case of the catalogue: what is wrong with a session, what must come of it, and how that is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.images import load_image, load_labels
from tests.robustness.rows import Row
from tests.robustness.session import Result, SessionFiles, analyse

Check = Callable[[Result, Result], None]  # of this session and of the undisturbed one


def same_result(result: Result, undisturbed: Result) -> None:
    """The prepared QSM and the lesions are those of the undisturbed session, on the same grid."""
    same_qsm(result, undisturbed)
    same_lesions(result, undisturbed)


def same_qsm(result: Result, undisturbed: Result) -> None:
    """The prepared QSM, in ppb, is that of the undisturbed session."""
    found, expected = (load_image(one.prepared.native_qsm).volume for one in (result, undisturbed))
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)
    np.testing.assert_allclose(found.data, expected.data, atol=0.02)
    assert np.ptp(expected.data) > 100


def same_lesions(result: Result, undisturbed: Result) -> None:
    """The lesions on the grid of the QSM are those of the undisturbed session, voxel by voxel."""
    found, expected = (load_labels(one.prepared.native_lesions).volume for one in (result, undisturbed))
    np.testing.assert_array_equal(found.data, expected.data)
    assert expected.data.max() == 5


@dataclass(frozen=True)
class Case:
    """One bad input. The outcome was written before the code that it asks for.

    Attributes
    ----------
    trouble, outcome
        As the page says them; an outcome begins with ``works``, ``works, with a warning`` or ``refused,
        exit N``.
    spoil
        Makes a good session bad.
    said
        Regular expression: the one sentence of a refusal, or one of the warnings.
    check
        Looks at the values of a session that works.
    measured
        Whether the lesions are measured too: what is wrong shows there.
    alone
        Whether it changes more than the files of one session.
    for_all
        Whether every participant of the dataset is concerned.
    """

    trouble: str
    outcome: str
    spoil: Callable[[SessionFiles], None]
    said: str = ""
    check: Check = same_result
    measured: bool = False
    alone: bool = False
    for_all: bool = False

    @property
    def exit_code(self) -> int:
        """The exit code that the outcome names; 0 where it works."""
        found = re.match(r"works(, with a warning)?(: .+)?$|refused, exit (\d+): .+$", self.outcome)
        assert found is not None, f"an outcome that the page has no word for: {self.outcome}"
        assert bool(self.said) == bool(found[1] or found[3]), f"'{self.trouble}' says nothing, or too much"
        return int(found[3] or 0)


def rows(section: str, cases: Sequence[Case], test: str) -> tuple[Row, ...]:
    """The rows of the page; ``test`` is the function that takes the cases."""
    return tuple(Row(section, case.trouble, case.outcome, test) for case in cases)


def named(cases: Sequence[Case]) -> list[object]:
    """The cases as parameters of a test, named by their trouble."""
    return [pytest.param(case, id=re.sub(r"[^A-Za-z0-9]+", "-", case.trouble)[:60]) for case in cases]


def judge(case: Case, files: SessionFiles, undisturbed: Result, work: Path) -> None:
    """Spoil a good session, analyse it, and compare what came of it with what the case states."""
    case.spoil(files)
    result = analyse(files.root, work, case.measured)
    if case.exit_code:
        assert result.error is not None, f"it was not refused; notes: {result.notes}"
        sentence = str(result.error)
        assert result.error.exit_code == case.exit_code, sentence
        assert re.search(case.said, sentence), sentence
        assert "\n" not in sentence
        assert "Traceback" not in sentence
        return
    assert result.error is None, str(result.error)
    news = [note for note in result.notes if note not in undisturbed.notes]
    if case.said:
        assert any(re.search(case.said, note) for note in news), news
    else:
        assert not news, news
    case.check(result, undisturbed)
