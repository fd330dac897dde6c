"""Times of actions that take turns, and how they compare.

Actions that are compared run in alternation, so that a machine that is busy with something else slows all of
them; a ratio is taken within a turn, then the median of the turns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Clock = Callable[[], float]
Name = TypeVar("Name", bound=Hashable)
Outcome = TypeVar("Outcome")


def alternate(
    actions: Mapping[Name, Callable[[], object]],
    n_turns: int,
    clock: Clock = time.process_time,
    warm_up: bool = True,
) -> dict[Name, list[float]]:
    """Seconds of each action, one value a turn; as `alternate_outcomes`, whose outcomes are left out."""
    return alternate_outcomes(actions, n_turns, clock, warm_up)[0]


def alternate_outcomes(
    actions: Mapping[Name, Callable[[], Outcome]],
    n_turns: int,
    clock: Clock = time.process_time,
    warm_up: bool = True,
) -> tuple[dict[Name, list[float]], dict[Name, Outcome]]:
    """Seconds of each action, one value a turn, and what it gave in the last turn.

    Parameters
    ----------
    actions
        Name -> what to do; they run one after the other in every turn.
    n_turns
        How often.
    clock
        `time.process_time`, for work on one thread in this process: other programs count little. Or
        `time.perf_counter`, where waiting counts too.
    warm_up
        Whether a first turn is made that does not count.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in actions}
    outcomes: dict[Name, Outcome] = {}
    for turn in range(n_turns + warm_up):
        for name, action in actions.items():
            begin = clock()
            outcomes[name] = action()
            if turn >= warm_up:
                seconds[name].append(clock() - begin)
    return seconds, outcomes


def children_seconds() -> float:
    """A clock for `alternate`: processor seconds of the child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """How many times longer ``slow`` took than ``fast``, turn by turn, as far as both have turns."""
    return [one / other for one, other in zip(slow, fast, strict=False)]


def spread(values: Sequence[float], digits: int = 3) -> str:
    """``median (lowest to highest)``, ``value`` where there is one, with that many significant digits."""
    low, middle, high = (significant(value, digits) for value in np.percentile(values, (0, 50, 100)))
    return middle if len(values) == 1 else f"{middle} ({low} to {high})"


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return float(np.median(values))


def significant(value: float, digits: int = 3) -> str:
    """``1,250``, ``0.718``: so many significant digits, never in powers of ten."""
    rounded = float(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(rounded))))) if rounded else 0
    return f"{rounded:,.{decimals}f}"
