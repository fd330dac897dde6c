import pytest
import torch

from qsmrim_app.learning.batches import shuffled_batches


def _batches(n, size, seed=0):
    return [rows.tolist() for rows in shuffled_batches(n, size, torch.Generator().manual_seed(seed))]


@pytest.mark.parametrize(
    ("n", "size", "lengths"), [(8, 4, [4, 4]), (10, 4, [4, 4, 2]), (9, 4, [4, 4]), (2, 4, [2])]
)
def test_batches_hold_every_row_once_but_a_lonely_last_one(n, size, lengths):
    batches = _batches(n, size)
    assert [len(rows) for rows in batches] == lengths
    rows = [row for batch in batches for row in batch]
    assert len(set(rows)) == len(rows) == sum(lengths)
    assert set(rows) <= set(range(n))


def test_the_generator_shuffles():
    assert _batches(20, 20) == _batches(20, 20)
    assert _batches(20, 20) != _batches(20, 20, seed=1)
    assert _batches(20, 20) != [list(range(20))]
