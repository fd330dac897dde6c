"""DeepSMOTE: synthetic rim+ rows between neighbours, in the space that the network itself learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NEIGHBOURS = 2


class DeepSmote(nn.Module):
    """Two (Linear, BatchNorm, Swish) blocks; in training, each rim+ row then gives two synthetic rows.

    Parameters
    ----------
    n_in
        Length of a row that enters.
    n_out
        Length of a row that leaves.
    synthesise
        False: the layers stay and no row is added (an ablation).
    """

    def __init__(self, n_in: int, n_out: int, synthesise: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, n_out),
            nn.BatchNorm1d(n_out),
            nn.SiLU(),
            nn.Linear(n_out, n_out),
            nn.BatchNorm1d(n_out),
            nn.SiLU(),
        )
        self.synthesise = synthesise

    def forward(
        self, rows: Tensor, labels: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        """Rows and labels, with the synthetic rows and their labels at the end.

        Parameters
        ----------
        rows
            Shape (N, n_in).
        labels
            Shape (N,), 1 for rim+ and 0 for rim-; None: no row is added.
        generator
            On the CPU; draws where on each segment a synthetic row lies.

        Returns
        -------
        tuple
            Rows, shape (N + 2n, n_out) in training and (N, n_out) else, and labels, shape (N + 2n,).
        """
        out: Tensor = self.layers(rows)  # (N, n_out)
        if labels is None or not (self.training and self.synthesise):
            return out, labels
        synthetic = synthetic_rows(out[labels > 0.5], generator)  # (2n, n_out)
        return torch.cat([out, synthetic]), torch.cat([labels, labels.new_ones(len(synthetic))])


def synthetic_rows(rim: Tensor, generator: torch.Generator | None) -> Tensor:
    """Two points for each row, on the segments to its two nearest other rows.

    Parameters
    ----------
    rim
        The rim+ rows of a batch, shape (n, length). With n = 2 the one neighbour serves twice.
    generator
        On the CPU; draws a ~ U(0, 1) for each point a x + (1 - a) x_k.

    Returns
    -------
    Tensor
        Shape (2n, length), the two points of a row one after the other; shape (0, length) for n < 2.
    """
    if len(rim) < 2:
        return rim[:0]
    nearest = nearest_others(rim.detach())  # (n, 2)
    share = torch.rand(len(rim), NEIGHBOURS, 1, generator=generator).to(rim)  # (n, 2, 1)
    points = share * rim[:, None] + (1 - share) * rim[nearest]  # (n, 2, length)
    return points.flatten(0, 1)  # (2n, length)


def nearest_others(rows: Tensor) -> Tensor:
    """Index of the two nearest other rows of each row (Euclid), shape (n, 2), nearest first; n >= 2."""
    # written out, not through a matrix product: that loses the distance between rows that nearly coincide
    distance = torch.cdist(rows.float(), rows.float(), compute_mode="donot_use_mm_for_euclid_dist")  # (n, n)
    distance.fill_diagonal_(torch.inf)
    found = min(NEIGHBOURS, len(rows) - 1)
    nearest = distance.topk(found, largest=False).indices  # (n, found)
    return nearest.expand(-1, NEIGHBOURS) if found < NEIGHBOURS else nearest
