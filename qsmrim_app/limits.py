"""Values that a setting cannot have: one sentence for each kind of limit."""

from __future__ import annotations

import math

from qsmrim_app.errors import UsageError

MAX_TREES = 10_000  # of a random forest
FROM_1, FROM_2 = (1, math.inf), (2, math.inf)  # whole numbers
_LARGEST_SEED = 2**32 - 2  # ITK takes the next one, and has 32 bits


def require_above_zero(settings: object, *names: str) -> None:
    """Pass silently if these fields, numbers or tuples of them, are above 0 and finite.

    Raises
    ------
    UsageError
        If one is not.
    """
    for name in names:
        value = getattr(settings, name)
        if not all(0 < number < math.inf for number in (value if isinstance(value, tuple) else (value,))):
            raise UsageError(f"{name} is {value!r}; expected above 0")


def require_within(settings: object, limits: tuple[float, float], *names: str) -> None:
    """Pass silently if these fields, numbers or tuples of them, are none or in a closed range.

    Raises
    ------
    UsageError
        If one is not.
    """
    low, high = limits
    for name in names:
        value = getattr(settings, name)
        if value is None:
            continue
        if not all(low <= number <= high for number in (value if isinstance(value, tuple) else (value,))):
            expected = f"{low:g} to {high:g}" if high < math.inf else f"a whole number from {low:g}"
            raise UsageError(f"{name} is {value!r}; expected {expected}")


def require_seeds(*seeds: int) -> None:
    """Pass silently if every program behind this one can take these seeds.

    Raises
    ------
    UsageError
        If one cannot.
    """
    for seed in seeds:
        if not 0 <= seed <= _LARGEST_SEED:
            raise UsageError(f"seed {seed}: expected a whole number from 0 to {_LARGEST_SEED}")


def require_range(name: str, limits: tuple[float, float]) -> None:
    """Pass silently if the lower end stands first.

    Raises
    ------
    UsageError
        If it does not.
    """
    low, high = limits
    if not low <= high:
        raise UsageError(f"{name}: found {low:g} and {high:g}; expected the lower one first")
