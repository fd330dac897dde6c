import pytest
import torch

from qsmrim_app.networks.qsmrim_net import QsmRimNet
from qsmrim_app.settings import NetworkSettings
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


def test_paper_sizes():
    with torch.device("meta"):
        network = QsmRimNet(NetworkSettings())
    radiomic = 527 * 1024 + 1024 + 2048 + 1024 * 512 + 512 + 1024
    smote = 1024 * 512 + 512 + 1024 + 512 * 512 + 512 + 1024
    classifier = 512 * 128 + 128 + 128 + 1
    assert sum(p.numel() for p in network.parameters()) == 33_181_952 + radiomic + smote + classifier


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


def test_a_batch_of_four_equals_four_batches_of_one_in_evaluation(batch):
    patches, features, _ = batch
    network = _network().eval()
    together = network(patches, features).logits
    alone = torch.cat([network(patches[n : n + 1], features[n : n + 1]).logits for n in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert together.unique().numel() == 4


def test_image_and_features_both_reach_the_logit(batch):
    patches, features, _ = batch
    network = _network().eval()
    logits = network(patches, features).logits
    assert not torch.allclose(network(patches.flip(0), features).logits, logits)
    assert not torch.allclose(network(patches, features.flip(0)).logits, logits)
