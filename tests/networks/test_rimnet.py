import pytest
import torch

from qsmrim_app.networks.rimnet import RimNet

SHAPE = (32, 32, 16)


def _convolution(n_in, n_out, size=3):
    return size**3 * n_in * n_out + n_out


def _linear(n_in, n_out):
    return n_in * n_out + n_out


def test_the_layers_are_those_of_the_publication():
    with torch.device("meta"):
        network = RimNet(64, SHAPE)
    first = _convolution(1, 32) + _convolution(32, 32)
    third = _convolution(64, 128) + _convolution(128, 128)
    qsm = first + _convolution(64, 64) + _convolution(64, 64) + third + _convolution(128, 1, 1)
    flair = first + _convolution(32, 64) + _convolution(64, 64) + third + _convolution(128, 1, 1)
    connected = _linear(2 * 4 * 4 * 2, 256) + _linear(256, 128) + _linear(128, 64) + _linear(64, 1)
    assert sum(p.numel() for p in network.parameters()) == qsm + flair + connected == 1_830_211
    kinds = [type(layer).__name__ for layer in network.qsm_branch[0]]
    assert kinds == ["Conv3d", "Tanh", "Conv3d", "Tanh", "MaxPool3d"]


def test_each_block_halves_the_patch():
    network = RimNet(8, SHAPE)
    x = torch.zeros(1, 1, *SHAPE)
    shapes = [tuple((x := layer(x)).shape) for layer in network.flair_branch]
    assert shapes == [(1, 4, 16, 16, 8), (1, 8, 8, 8, 4), (1, 16, 4, 4, 2), (1, 1, 4, 4, 2)]


@pytest.mark.parametrize("shape", [(28, 28, 28), (16, 16, 8), (9, 9, 9), (5, 7, 1)])
def test_any_patch_shape_is_possible(shape):
    assert RimNet(2, shape).eval()(torch.zeros(3, 2, *shape), torch.zeros(3, 0)).logits.shape == (3,)


def test_a_patch_of_another_shape_is_refused():
    with pytest.raises(RuntimeError):
        RimNet(2, SHAPE)(torch.zeros(1, 2, 16, 16, 8), torch.zeros(1, 0))


def test_the_flair_reaches_the_second_block_of_the_qsm_branch():
    torch.manual_seed(0)
    network = RimNet(4, SHAPE).eval()
    seen = []
    network.qsm_branch[1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    patches = torch.randn(1, 2, *SHAPE)
    network(patches, torch.zeros(1, 0))
    expected = [network.qsm_branch[0](patches[:, :1]), network.flair_branch[0](patches[:, 1:])]
    torch.testing.assert_close(seen[0], torch.cat(expected, dim=1))


@pytest.mark.parametrize("width", [1, 2, 3, 64])
def test_biases_start_at_zero_and_every_block_has_channels(width):
    network = RimNet(width, (8, 8, 8))
    assert all(not tensor.any() for name, tensor in network.named_parameters() if name.endswith("bias"))
    assert all(tensor.any() for name, tensor in network.named_parameters() if name.endswith("weight"))
