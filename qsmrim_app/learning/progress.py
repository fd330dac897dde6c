"""What a training says of itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class EpochReport(NamedTuple):
    """What one epoch of one member was like. Epochs count from 1; the loss is the mean over the batches.

    ``learning_rate`` is the epoch's own. ``seconds`` is how long it took, ``seconds_left`` how long the rest
    takes if all its epochs are as those that this process made.
    """

    seed: int
    epoch: int
    n_epochs: int
    loss: float
    n_batches: int
    n_batches_few_rim: int  # batches with fewer than two rim+, from which DeepSMOTE makes no row
    learning_rate: float
    seconds: float
    seconds_left: float

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, epoch {self.epoch} of {self.n_epochs}: loss {self.loss:.4f}, "
            f"{duration(self.seconds)}, {duration(self.seconds_left)} left; "
            f"{self.n_batches_few_rim} of {self.n_batches} batches held fewer than two rim+ lesions"
        )


Progress = Callable[[EpochReport], None]


def duration(seconds: float) -> str:
    """A length of time for people: ``8.3 s``, ``95 s``, ``12 min``, ``3.5 h``, ``4.2 days``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"
