import pytest
import torch

from qsmrim_app.networks.resnet3d import ResNet3d


def _n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_paper_width_has_the_parameters_of_a_resnet_18():
    with torch.device("meta"):
        network = ResNet3d(64, 512)
    stem = 2 * 64 * 343 + 2 * 64
    first = 4 * 27 * 64 * 64 + 4 * 128
    later = sum(
        27 * (n * 2 * n + 3 * 4 * n * n) + n * 2 * n + 5 * 2 * 2 * n for n in (64, 128, 256)
    )  # one convolution n to 2n, three 2n to 2n, the way around, five norms
    assert _n_parameters(network) == stem + first + later == 33_181_952


def test_stages_halve_twice_and_the_last_keeps_its_size():
    network = ResNet3d(4, 512).eval()
    x = network.stem(torch.zeros(1, 2, 32, 32, 16))
    shapes = [tuple(x.shape)]
    for stage in network.stages:
        x = stage(x)
        shapes.append(tuple(x.shape))
    assert shapes == [(1, 4, 8, 8, 4), (1, 4, 8, 8, 4), (1, 8, 4, 4, 2), (1, 16, 2, 2, 1), (1, 32, 2, 2, 1)]


@pytest.mark.parametrize(("width", "ends_in_linear"), [(2, True), (4, False)])
def test_a_linear_ends_the_branch_where_the_widths_differ(width, ends_in_linear):
    network = ResNet3d(width, 32).eval()
    assert isinstance(network.head, torch.nn.Linear) is ends_in_linear
    assert network(torch.zeros(3, 2, 16, 16, 8)).shape == (3, 32)


def test_both_channels_and_all_three_axes_matter():
    torch.manual_seed(0)
    network = ResNet3d(2, 8).eval()
    patch = torch.randn(1, 2, 16, 16, 16)
    seen = network(patch)
    for other in (patch.flip(1), patch.transpose(2, 3), patch.transpose(3, 4)):
        assert not torch.allclose(network(other), seen)
