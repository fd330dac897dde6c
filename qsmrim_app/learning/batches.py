"""Shuffled batches of row numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def shuffled_batches(n_rows: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers 0 .. n_rows - 1, each once, in random order, ``batch_size`` at a time.

    A last batch of one row is left out, as batch normalisation cannot learn from it; each epoch another row.
    """
    order = torch.randperm(n_rows, generator=generator)
    return (rows for rows in torch.split(order, batch_size) if len(rows) > 1)
