"""What every network of the project gives back."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class NetworkOutput(NamedTuple):
    """One logit a row, shape (rows,), with the label of each row where labels were given.

    In training a network may add rows of its own behind those of the batch (DeepSMOTE); all enter the loss.
    """

    logits: Tensor
    labels: Tensor | None
