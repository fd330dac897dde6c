import pickle

import pytest
import torch

from qsmrim_app.errors import CheckpointError
from qsmrim_app.learning.checkpoints import load_checkpoint, save_checkpoint


def test_a_state_comes_back(tmp_path):
    path = tmp_path / "deep" / "state.pt"
    save_checkpoint(path, {"weights": torch.arange(3.0), "epoch": 2})
    state = load_checkpoint(path)
    assert state["epoch"] == 2
    assert torch.equal(state["weights"], torch.arange(3.0))
    assert [file.name for file in path.parent.iterdir()] == ["state.pt"]  # no unfinished file stays


class _Trap:
    def __reduce__(self):
        return (pytest.fail, ("something was unpickled",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint",
        pickle.dumps({"epoch": 1}, protocol=2)[:-2],
        pickle.dumps(_Trap(), protocol=2),
    ],
    ids=["empty", "text", "cut", "code"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt is no training checkpoint"):
        load_checkpoint(path)


def test_objects_are_not_loaded(tmp_path):
    path = tmp_path / "state.pt"
    torch.save({"trap": _Trap()}, path)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
