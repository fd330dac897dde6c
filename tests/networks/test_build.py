"""What every network must do, whatever its parts."""

import pytest
import torch

from qsmrim_app.networks.build import build_network
from qsmrim_app.networks.qsmrim_net import QsmRimNet
from qsmrim_app.plain_data import with_values
from qsmrim_app.settings import DetectorSettings, NetworkSettings
from tests.phantom_samples import N_FEATURES, SHAPE, tiny_settings

CLASSIFIER = 512 * 128 + 128 + 128 + 1
RESNET = 33_181_952
RADIOMIC = 527 * 1024 + 1024 + 2048 + 1024 * 512 + 512 + 1024
FUSING = 1024 * 512 + 512 + 1024 + 512 * 512 + 512 + 1024

VARIANTS = {
    "all parts": {},
    "no synthetic rows": {"network.deep_smote": False},
    "images": {"network.deep_smote": False, "network.radiomics": False},
    "images in two branches": {
        "network.deep_smote": False,
        "network.radiomics": False,
        "network.fusion": "rimnet",
    },
    "features": {"network.deep_smote": False, "network.fusion": "no-image"},
    "rimnet": {"network.architecture": "rimnet"},
}
SEE_IMAGES = [name for name in VARIANTS if name != "features"]
SEE_FEATURES = ["all parts", "no synthetic rows", "features"]
N_PARAMETERS = {
    "all parts": RESNET + RADIOMIC + FUSING + CLASSIFIER,
    "no synthetic rows": RESNET + RADIOMIC + FUSING + CLASSIFIER,
    "images": RESNET + CLASSIFIER,
    # twice a ResNet whose stem sees one channel; 64 more channels enter one of the second stages
    "images in two branches": 2 * (RESNET - 64 * 343) + 64 * 128 * (27 + 1) + CLASSIFIER + 512 * 128,
    "features": RADIOMIC + CLASSIFIER,
    "rimnet": 1_830_211,  # counted layer by layer in test_rimnet.py
}


@pytest.fixture(params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture
def network(variant):
    torch.manual_seed(0)
    return build_network(with_values(tiny_settings(), VARIANTS[variant]))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 2, *SHAPE, generator=generator), torch.randn(4, N_FEATURES, generator=generator)


def test_parameters_at_the_size_of_the_paper(variant):
    with torch.device("meta"):
        network = build_network(with_values(DetectorSettings(), VARIANTS[variant]))
        logits = network(torch.zeros(3, 2, 32, 32, 16), torch.zeros(3, 527)).logits
    assert sum(parameter.numel() for parameter in network.parameters()) == N_PARAMETERS[variant]
    assert logits.shape == (3,)


def test_a_batch_of_four_equals_four_batches_of_one_in_evaluation(network, batch):
    patches, features = batch
    network.eval()
    together = network(patches, features).logits
    alone = torch.cat([network(patches[n : n + 1], features[n : n + 1]).logits for n in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert together.unique().numel() == 4


def test_labels_come_back_and_only_deep_smote_adds_rows(network, batch, variant):
    labels = torch.tensor([1.0, 0, 1, 0])
    output = network.train()(*batch, labels, torch.Generator())
    n_more = 4 if variant == "all parts" else 0
    assert output.labels.tolist() == labels.tolist() + [1.0] * n_more
    assert output.logits.shape == output.labels.shape
    assert network.eval()(*batch, labels).labels is labels


def test_what_it_looks_at_reaches_the_logit_and_nothing_else_does(network, batch, variant):
    patches, features = batch
    network.eval()
    logits = network(patches, features).logits
    qsm, flair = patches[:, :1], patches[:, 1:]
    others = {
        "qsm": network(torch.cat([qsm.flip(0), flair], dim=1), features).logits,
        "flair": network(torch.cat([qsm, flair.flip(0)], dim=1), features).logits,
        "features": network(patches, features.flip(0)).logits,
    }
    changed = {name for name, other in others.items() if not torch.allclose(other, logits, atol=1e-7)}
    images = {"qsm", "flair"} if variant in SEE_IMAGES else set()
    assert changed == images | ({"features"} if variant in SEE_FEATURES else set())


@pytest.mark.parametrize("variant", SEE_IMAGES)
@pytest.mark.parametrize("shape", [(3, *SHAPE), (1, *SHAPE), (2, *SHAPE[:2])])
def test_patches_of_a_wrong_shape_are_refused(network, batch, shape):
    with pytest.raises((RuntimeError, ValueError)):
        network.eval()(torch.zeros(4, *shape), batch[1])


@pytest.mark.parametrize("variant", SEE_FEATURES)
def test_features_of_a_wrong_number_are_refused(network, batch):
    with pytest.raises(RuntimeError):
        network.eval()(batch[0], batch[1][:, 1:])


def test_every_parameter_learns(network, batch):
    network.train()(*batch, torch.tensor([1.0, 0, 1, 0]), torch.Generator()).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    "parts",
    [
        {"fusion": "no-image", "radiomics": False, "deep_smote": False},
        {"fusion": "no-image"},
        {"radiomics": False},
    ],
)
def test_parts_that_make_no_network_are_refused(parts):
    with pytest.raises(ValueError, match="DeepSMOTE needs both"):
        QsmRimNet(NetworkSettings(**parts))
