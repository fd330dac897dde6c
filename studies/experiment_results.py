"""The methods of the experiment with their figures, from the tables of their fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsmrim_app.evaluation.bootstrap import draw_subjects
from qsmrim_app.levels.division import DRAWS
from qsmrim_app.levels.evaluating import Evaluation, evaluate
from qsmrim_app.levels.held_out import OutOfFold
from qsmrim_app.levels.sources import MAIN
from studies.experiment_tables import FitTable, out_of_fold

_SEED = 0  # of the draws of subjects


@dataclass(frozen=True, eq=False)
class Result:
    """A method: its fits, its held-out lesions and its figures."""

    tables: Sequence[FitTable]
    held_out: OutOfFold
    evaluation: Evaluation

    @property
    def figures(self) -> Mapping[str, Any]:
        """Its figures as plain data."""
        found: Mapping[str, Any] = self.evaluation.metrics["variants"][MAIN]
        return found


def evaluate_methods(tables: Mapping[str, Sequence[FitTable]]) -> dict[str, Result]:
    """Figures of each method whose fits are all there, with the same draws of subjects for all."""
    results: dict[str, Result] = {}
    for method, own in tables.items():
        held_out = out_of_fold(own)
        fold_of = {key[0]: int(fold) for key, fold in zip(held_out.keys, held_out.folds, strict=True)}
        draws = draw_subjects(fold_of, np.random.default_rng([_SEED, DRAWS]))
        results[method] = Result(own, held_out, evaluate(held_out, draws))
    return results
