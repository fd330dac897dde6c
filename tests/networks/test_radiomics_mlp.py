import torch

from qsmrim_app.networks.radiomics_mlp import RadiomicsMlp
from qsmrim_app.settings import NetworkSettings


def test_layers_are_those_of_the_method():
    names = [type(layer).__name__ for layer in RadiomicsMlp(NetworkSettings()).layers]
    assert names == ["Linear", "BatchNorm1d", "SiLU", "Dropout", "Linear", "BatchNorm1d", "SiLU"]


def test_features_become_an_embedding():
    mlp = RadiomicsMlp(NetworkSettings(n_features=7, radiomic_hidden=5, embedding=3)).eval()
    assert mlp(torch.zeros(2, 7)).shape == (2, 3)
