import pytest
import torch

from qsmrim_app.networks.qsmrim_net import QsmRimNet
from tests.phantom_samples import N_FEATURES, SHAPE, tiny_settings


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(4, 2, *SHAPE, generator=generator),
        torch.randn(4, N_FEATURES, generator=generator),
        torch.tensor([1.0, 0, 1, 0]),
    )


def _network(**changes):
    torch.manual_seed(0)
    return QsmRimNet(tiny_settings(**changes).network)


def test_training_gives_n_plus_two_rows_for_each_rim_lesion(batch):
    patches, features, labels = batch
    output = _network().train()(patches, features, labels, torch.Generator())
    assert output.logits.shape == (4 + 2 * 2,)
    assert output.labels.tolist() == [1, 0, 1, 0, 1, 1, 1, 1]


def test_smote_is_off_in_evaluation_and_without_labels(batch):
    patches, features, labels = batch
    assert _network().eval()(patches, features, labels, torch.Generator()).logits.shape == (4,)
    assert _network().train()(patches, features).logits.shape == (4,)


def test_smote_off_changes_neither_parameters_nor_scores(batch):
    patches, features, _ = batch
    on, off = _network().eval(), _network(network__deep_smote=False).eval()
    assert {k: v.shape for k, v in on.state_dict().items()} == {
        k: v.shape for k, v in off.state_dict().items()
    }
    assert torch.equal(on(patches, features).logits, off(patches, features).logits)
