"""Held-out lesions with their scores: what every figure of an evaluation is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import TableError
from qsmrim_app.evaluation.metrics import as_rim

LesionKey = tuple[str, str, int]  # subject, session, index


@dataclass(frozen=True, eq=False)
class ScoredLesions:
    """n lesions of subjects that the model did not see.

    Parameters
    ----------
    keys
        ``(subject, session, index)`` of each lesion, length n, unique.
    folds
        Fold that held the lesion out, shape (n,).
    rim
        Expert status, shape (n,): 1 or 0.
    p_rim
        Probability, shape (n,).
    called
        Whether the lesion is called rim+, by a threshold that its fold did not choose; shape (n,).

    Raises
    ------
    TableError
        If the lengths differ, a lesion stands twice, or a lesion was not rated.
    """

    keys: tuple[LesionKey, ...]
    folds: NDArray[Any]
    rim: NDArray[Any]
    p_rim: NDArray[np.float64]
    called: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.keys, self.folds, self.rim, self.p_rim, self.called)}
        if len(lengths) != 1 or len(set(self.keys)) != len(self.keys):
            raise TableError("scored lesions need one row a lesion in every column, and no lesion twice")
        as_rim(self.rim)

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: NDArray[np.bool_]) -> ScoredLesions:
        """The lesions that a mask of shape (n,) names."""
        keys = tuple(key for key, kept in zip(self.keys, rows.tolist(), strict=True) if kept)
        return ScoredLesions(keys, self.folds[rows], self.rim[rows], self.p_rim[rows], self.called[rows])

    @cached_property
    def truth(self) -> NDArray[np.bool_]:
        """Expert status as a mask, shape (n,)."""
        return as_rim(self.rim)

    @cached_property
    def subjects(self) -> NDArray[np.str_]:
        """Subject of each lesion, shape (n,)."""
        return np.array([key[0] for key in self.keys], dtype=np.str_)
