"""Which lesions are shown: by a rule and a seed, so that nobody picks the pretty ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.lesion_tables import LARGE_MM3

SEED = 2026
N_SIZES = 4  # quarters of the volumes


def spread_sample(lesions: pd.DataFrame, wanted: int) -> pd.DataFrame:
    """Lesions of at least 40 mm3 spread over sizes and participants, by ascending volume.

    From each quarter of the volumes in turn, at random, one of a participant who has been shown least so far.

    Parameters
    ----------
    lesions
        Rows with ``subject`` and ``volume_mm3``.
    wanted
        How many; fewer come back where there are fewer.
    """
    large = lesions[lesions["volume_mm3"] >= LARGE_MM3]
    order = np.random.default_rng(SEED).permutation(len(large))
    left = large.iloc[order].assign(size=lambda frame: _quarter(frame["volume_mm3"]))
    shown: dict[str, int] = {}
    chosen: list[object] = []
    while len(chosen) < min(wanted, len(large)):
        for size in range(N_SIZES):
            rows = left[(left["size"] == size) & ~left.index.isin(chosen)]
            if len(rows) and len(chosen) < wanted:
                row = rows.index[int(np.argmin([shown.get(name, 0) for name in rows["subject"]]))]
                chosen.append(row)
                subject = str(large["subject"][row])
                shown[subject] = shown.get(subject, 0) + 1
    return large.loc[chosen].sort_values("volume_mm3")


def hardest(lesions: pd.DataFrame, wanted: int) -> pd.DataFrame:
    """Lesions of at least 40 mm3 with the largest contrast, strongest first.

    Not more than two of a participant, unless there are too few participants.
    """
    per_participant = max(2, -(-wanted // max(lesions["subject"].nunique(), 1)))
    large = lesions[lesions["volume_mm3"] >= LARGE_MM3].sort_values("contrast_ppb", ascending=False)
    return large.groupby("subject", sort=False).head(per_participant).head(wanted)


def _quarter(volumes: pd.Series) -> pd.Series:
    """0 to 3: the quarter of the volumes that each belongs to, by rank."""
    rank = volumes.rank(method="first") - 1
    return (rank * N_SIZES // max(len(volumes), 1)).astype(int)
