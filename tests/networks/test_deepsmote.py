import numpy as np
import pytest
import torch

from qsmrim_app.networks.deepsmote import DeepSmote, nearest_others, synthetic_rows


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def _naive_neighbours(rows, row):
    distances = [
        np.inf if other == row else np.linalg.norm(rows[other] - rows[row]) for other in range(len(rows))
    ]
    return np.argsort(distances, kind="stable")[: min(2, len(rows) - 1)].tolist()


def test_neighbours_are_the_two_nearest_others(rng):
    rows = rng.normal(size=(7, 5))
    found = nearest_others(torch.tensor(rows))
    assert found.tolist() == [_naive_neighbours(rows, row) for row in range(7)]


def test_a_twin_is_a_neighbour_and_the_row_itself_is_not():
    rows = torch.tensor([[0.0], [0.0], [5.0], [7.0]])
    assert nearest_others(rows)[:, 0].tolist() == [1, 0, 3, 2]
    assert nearest_others(rows)[:2, 1].tolist() == [2, 2]


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (1, 0), (2, 4), (3, 6), (5, 10)])
def test_each_row_gives_two_rows_from_two_on(n, expected, generator, rng):
    assert synthetic_rows(torch.tensor(rng.normal(size=(n, 4))), generator).shape == (expected, 4)


def test_synthetic_rows_lie_on_the_segments_to_the_two_nearest_others(generator, rng):
    rim = rng.normal(size=(6, 3))
    made = synthetic_rows(torch.tensor(rim), generator).numpy().reshape(6, 2, 3)
    shares = []
    for row in range(6):
        for which, other in enumerate(_naive_neighbours(rim, row)):
            along = rim[row] - rim[other]
            share = (made[row, which] - rim[other]) @ along / (along @ along)
            np.testing.assert_allclose(rim[other] + share * along, made[row, which], atol=1e-6)
            shares.append(share)
    assert 0 < min(shares) < max(shares) < 1
    assert len(np.unique(np.round(shares, 6))) == 12  # drawn for each


def test_two_rim_lesions_use_their_one_neighbour_twice(generator):
    made = synthetic_rows(torch.tensor([[0.0, 0.0], [1.0, 2.0]]), generator)
    np.testing.assert_allclose(made[:, 1], 2 * made[:, 0], rtol=1e-6)
    assert ((made >= 0) & (made <= 2)).all()


def test_training_adds_rows_with_label_one_behind_the_batch(generator):
    smote = DeepSmote(5, 4, synthesise=True).train()
    labels = torch.tensor([0.0, 1, 0, 1, 1, 0, 0, 0])
    rows, made = smote(torch.randn(8, 5), labels, generator)
    assert rows.shape == (8 + 2 * 3, 4)
    assert made.tolist() == labels.tolist() + [1.0] * 6


def test_the_generator_decides_where_the_rows_lie():
    rim = torch.eye(4)
    one, again, other = (synthetic_rows(rim, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("training", "synthesise"), [(False, True), (True, False)])
def test_no_rows_outside_training_or_when_switched_off(training, synthesise, generator):
    smote = DeepSmote(5, 4, synthesise=synthesise).train(training)
    labels = torch.tensor([1.0, 1, 0, 1])
    rows, same = smote(torch.randn(4, 5), labels, generator)
    assert rows.shape == (4, 4)
    assert same is labels


def test_gradient_flows_through_synthetic_rows(generator):
    rim = torch.randn(3, 4, requires_grad=True)
    synthetic_rows(rim, generator).sum().backward()
    assert rim.grad is not None
    assert (rim.grad != 0).any(dim=1).all()
