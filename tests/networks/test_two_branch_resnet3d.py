import torch

from qsmrim_app.networks.two_branch_resnet3d import TwoBranchResNet3d


def test_the_branches_meet_after_their_first_stage_and_at_their_ends():
    torch.manual_seed(0)
    network = TwoBranchResNet3d(4, 32).eval()
    patches = torch.randn(2, 2, 32, 32, 16)
    seen = []
    network.qsm_branch.stages[1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    vectors = network(patches)
    qsm = network.qsm_branch.begin(patches[:, :1])
    flair = network.flair_branch.begin(patches[:, 1:])
    assert qsm.shape == flair.shape == (2, 4, 8, 8, 4)
    torch.testing.assert_close(seen[0], torch.cat([qsm, flair], dim=1))
    assert vectors.shape == (2, 64)
    torch.testing.assert_close(vectors[:, 32:], network.flair_branch(patches[:, 1:]))


def test_the_flair_branch_does_not_see_the_qsm():
    torch.manual_seed(0)
    network = TwoBranchResNet3d(2, 8).eval()
    patches = torch.randn(2, 2, 16, 16, 8)
    other = torch.cat([patches[:, :1].flip(0), patches[:, 1:]], dim=1)
    torch.testing.assert_close(network(patches)[:, 8:], network(other)[:, 8:])
    assert not torch.allclose(network(patches)[:, :8], network(other)[:, :8])
