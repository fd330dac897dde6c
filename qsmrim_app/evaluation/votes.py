"""From the members of an ensemble to one probability, its spread and the vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import ModelError


@dataclass(frozen=True, eq=False)
class Votes:
    """What an ensemble says of n lesions, each of shape (n,).

    Parameters
    ----------
    p_rim
        Median of the members' probabilities.
    p_rim_mean, p_rim_sd
        Their mean and standard deviation (population).
    votes
        Members whose probability reaches the threshold.
    rim
        ``p_rim`` reaches the threshold, which is the majority vote.
    """

    p_rim: NDArray[np.float64]
    p_rim_mean: NDArray[np.float64]
    p_rim_sd: NDArray[np.float64]
    votes: NDArray[np.int64]
    rim: NDArray[np.bool_]


def median_of_members(probabilities: NDArray[np.float64]) -> NDArray[Any]:
    """Probability of the ensemble: that of the median member, shape (n, members) to (n,).

    Raises
    ------
    ModelError
        If the number of members is even: a majority would not always exist.
    """
    members = probabilities.shape[1]
    if members % 2 == 0:
        raise ModelError(f"an ensemble has an odd number of members, this one has {members}")
    return np.sort(probabilities, axis=1)[:, members // 2]


def count_votes(probabilities: NDArray[np.float64], threshold: float) -> Votes:
    """Probability, spread and vote of each lesion.

    Parameters
    ----------
    probabilities
        Shape (n, members), the number of members odd.
    threshold
        From 0 to 1; a probability equal to it counts as rim+.

    Raises
    ------
    ModelError
        If the number of members is even.
    """
    p_rim = median_of_members(probabilities)
    return Votes(
        p_rim=p_rim,
        p_rim_mean=probabilities.mean(axis=1),
        p_rim_sd=probabilities.std(axis=1),
        votes=(probabilities >= threshold).sum(axis=1),
        rim=p_rim >= threshold,
    )
