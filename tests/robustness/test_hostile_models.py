"""Model bundles and checkpoints made to harm: nothing in them runs, nothing is read beyond them."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from qsmrim_app.cli import main
from qsmrim_app.detectors.registry import load_detector, new_detector
from qsmrim_app.errors import CheckpointError
from qsmrim_app.learning.checkpoints import load_checkpoint
from tests.phantom_samples import lesion_samples, tiny_settings
from tests.robustness.rows import Row

SECTION = "Hostile files"
HERE = "robustness/test_hostile_models.py"
PICKLE = Row(
    SECTION,
    "a model or a checkpoint that holds a pickle which would run a command",
    "refused, exit 65, names the file; nothing runs",
    f"{HERE}::test_a_pickle_in_a_model_is_refused_and_does_not_run",
)
CHECKSUM = Row(
    SECTION,
    "weights that are not those of the checksum in model.json",
    "refused, exit 65, names the file",
    f"{HERE}::test_altered_weights_are_refused",
)
TRAVERSAL = Row(
    SECTION,
    "a model whose member files lie outside its folder (.., absolute, hidden)",
    "refused, exit 65; nothing outside is read",
    f"{HERE}::test_a_member_outside_of_the_model_is_refused",
)
GIANT = Row(
    SECTION,
    "a tensor whose header claims 100 GB, or a header that claims to have 2**62 bytes",
    "refused, exit 65, names the file; no memory is taken",
    f"{HERE}::test_a_tensor_that_claims_to_be_giant_is_refused",
)
ROWS = (PICKLE, CHECKSUM, TRAVERSAL, GIANT)


class Command:
    """What a pickle would call when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


@pytest.fixture(scope="module")
def trained():
    detector = new_detector(tiny_settings())
    detector.fit(lesion_samples(12, np.random.default_rng(1)), (0,))
    return detector


@pytest.fixture
def folder(trained, tmp_path):
    trained.save(tmp_path / "model")
    return tmp_path / "model"


def edit(folder, change):
    plain = json.loads((folder / "model.json").read_text())
    change(plain)
    (folder / "model.json").write_text(json.dumps(plain))


def put_member(folder, raw, name="member-0.safetensors"):
    """Bytes as a member, with a true checksum."""
    (folder / name).write_bytes(raw)
    entry = {"file": name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    edit(folder, lambda plain: plain["members"].__setitem__(0, entry))


def _weights(folder, evil):
    put_member(folder, evil)


def _torch_file(folder, evil):
    put_member(folder, evil, "member-0.pt")


def _manifest(folder, evil):
    (folder / "model.json").write_bytes(evil)


@pytest.mark.parametrize("place", [_weights, _torch_file, _manifest])
def test_a_pickle_in_a_model_is_refused_and_does_not_run(place, folder, tmp_path):
    evil = pickle.dumps(Command(tmp_path / "canary"))
    place(folder, evil)
    with pytest.raises(CheckpointError, match="model") as said:
        load_detector(folder)
    assert said.value.exit_code == 65
    assert not (tmp_path / "canary").exists()
    pickle.loads(evil)
    assert (tmp_path / "canary").exists(), "the pickle of this test is none"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_in_a_checkpoint_is_refused_and_does_not_run(zipped, tmp_path):
    path = tmp_path / "seed-0.pt"
    torch.save({"epoch": Command(tmp_path / "canary")}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"seed-0\.pt is no training checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "canary").exists()


def test_altered_weights_are_refused(folder):
    raw = bytearray((folder / "member-0.safetensors").read_bytes())
    raw[-3] ^= 1
    (folder / "member-0.safetensors").write_bytes(raw)
    with pytest.raises(
        CheckpointError, match=r"member-0\.safetensors is not the file that model\.json describes"
    ):
        load_detector(folder)


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "/etc/passwd", ".hidden.safetensors", "a/../../outside.safetensors", ""],
)
def test_a_member_outside_of_the_model_is_refused(name, folder):
    raw = (folder / "member-0.safetensors").read_bytes()
    (folder.parent / "outside.safetensors").write_bytes(raw)
    edit(folder, lambda plain: plain["members"][0].update(file=name))
    with pytest.raises(CheckpointError, match="is no name of a file inside the model"):
        load_detector(folder)


def _claims(n_bytes):
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [n_bytes // 4], "data_offsets": [0, n_bytes]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(64)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(_claims(10**11), id="100 GB"),
        pytest.param(struct.pack("<Q", 2**62) + b"{}", id="header of 2**62 bytes"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_tensor_that_claims_to_be_giant_is_refused(raw, folder):
    put_member(folder, raw)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r"member-0\.safetensors is not a safetensors file"):
            load_detector(folder)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()


def test_the_program_ends_with_one_sentence(folder, phantom_dataset, tmp_path, capsys):
    put_member(folder, pickle.dumps(Command(tmp_path / "canary")))
    code = main([str(phantom_dataset), str(tmp_path / "out"), "participant", "--model", str(folder)])
    said = capsys.readouterr().err
    assert code == 65
    assert said.startswith(f"qsmrim: {folder}/member-0.safetensors is not a safetensors file")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "canary").exists()
