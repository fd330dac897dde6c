"""Lesions that show what a method does: the clearest of each kind of right and wrong call."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qsmrim_app.evaluation.scored_lesions import LesionKey, ScoredLesions


def clearest_examples(lesions: ScoredLesions, n: int) -> Mapping[str, tuple[LesionKey, ...]]:
    """Up to n lesions of each cell, ``tp``, ``fp``, ``fn`` and ``tn``, those that scored most clearly first.

    Of those called the highest probability is first, of the others the lowest; equal ones stand by key.
    """
    called, truth = lesions.called, lesions.truth
    cells = {
        "tp": (called & truth, -1),
        "fp": (called & ~truth, -1),
        "fn": (~called & truth, 1),
        "tn": (~called & ~truth, 1),
    }
    return {
        name: tuple(
            lesions.keys[row]
            for row in sorted(
                np.flatnonzero(rows).tolist(), key=lambda row: (sign * lesions.p_rim[row], lesions.keys[row])
            )[:n]
        )
        for name, (rows, sign) in cells.items()
    }
