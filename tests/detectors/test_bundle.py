import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qsmrim_app.detectors import bundle as bundles
from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.errors import CheckpointError, MissingModelError, OutputError


@pytest.fixture
def folder(detector, tmp_path):
    detector.info = dataclasses.replace(
        detector.info,
        name="tiny",
        operating_points={"f1": 0.4},
        temperature=1.7,
        trained_on_simulation=True,
        statement="Trained on phantoms.",
        metrics={"pr_auc": 0.5, "ppv": float("nan")},
    )
    detector.save(tmp_path / "model")
    return tmp_path / "model"


def _edit(folder, change):
    """Change ``model.json`` in place."""
    plain = json.loads((folder / "model.json").read_text())
    change(plain)
    (folder / "model.json").write_text(json.dumps(plain))


def _rewrite_member(folder, change):
    """Change the first member's weights and let ``model.json`` agree."""
    path = folder / "member-0.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    raw = path.read_bytes()
    entry = {"file": path.name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    _edit(folder, lambda plain: plain["members"].__setitem__(0, entry))


def test_a_loaded_model_gives_identical_scores(detector, folder, samples):
    loaded = load_detector(folder)
    np.testing.assert_array_equal(loaded.predict_members(samples), detector.predict_members(samples))


def test_a_loaded_model_knows_what_it_is(detector, folder):
    loaded = load_detector(folder)
    assert loaded.settings == detector.settings
    assert loaded.info == dataclasses.replace(detector.info, metrics={"pr_auc": 0.5, "ppv": None})
    assert loaded.threshold("f1") == 0.4
    np.testing.assert_array_equal(loaded.scaler.mean, detector.scaler.mean)


def test_parameters_are_stored_in_half_precision_and_statistics_in_single(folder):
    weights = load_file(folder / "member-0.safetensors")
    assert weights["classifier.0.weight"].dtype == torch.float16
    assert weights["image_branch.stem.1.running_var"].dtype == torch.float32


def test_the_same_model_gives_the_same_bytes(detector, folder, tmp_path):
    detector.save(tmp_path / "again")
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["member-0.safetensors", "member-1.safetensors", "member-2.safetensors", "model.json"]
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_model_is_replaced_as_a_whole(detector, folder):
    for name in ("member-9.safetensors", "evaluation.json"):
        (folder / name).write_text("of the former model")
    (folder / "notes").mkdir()
    (folder / "notes" / "ours.md").write_text("a person's")
    (folder / "NOTES.txt").write_text("a person's")
    detector.save(folder)
    assert not (folder / "member-9.safetensors").exists()
    assert not (folder / "evaluation.json").exists()
    assert (folder / "NOTES.txt").read_text() == (folder / "notes" / "ours.md").read_text() == "a person's"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    load_detector(folder)


def test_a_model_from_before_the_network_had_parts_is_read(detector, folder, samples):
    _edit(
        folder,
        lambda plain: [
            plain["settings"]["network"].pop(part) for part in ("radiomics", "fusion", "architecture")
        ],
    )
    loaded = load_detector(folder)
    assert loaded.settings == detector.settings
    np.testing.assert_array_equal(loaded.predict_members(samples), detector.predict_members(samples))


def test_files_beside_the_model_are_not_looked_at(folder):
    (folder / "README.md").write_text("a model card")
    load_detector(folder)


def test_a_folder_that_cannot_be_written_is_named(detector, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        detector.save(tmp_path / "file" / "model")


# ---- what does not fit ----
def _set(*path_and_value):
    *path, last, value = path_and_value

    def change(plain):
        for name in path:
            plain = plain[name]
        plain[last] = value

    return change


REFUSED = {
    "format": (_set("format", "qsmrim-bundle-2"), "has format 'qsmrim-bundle-2'"),
    "no format": (lambda plain: plain.pop("format"), "has format None"),
    "method": (
        _set("settings", "method", "lesion-oracle"),
        "is a 'lesion-oracle'; this version knows qsmrim-net",
    ),
    "unknown key": (_set("settings", "wings", 2), "does not describe a model"),
    "missing key": (lambda plain: plain.pop("info"), "does not describe a model"),
    "wrong type": (_set("settings", "network", "width", "wide"), "does not describe a model"),
    "network of another size": (_set("settings", "network", "width", 3), "do not have the shape"),
    "gigantic network": (
        _set("settings", "network", "width", 10**7),
        "do not have the shape|cannot be built",
    ),
    "negative network": (_set("settings", "network", "width", -4), "width is -4; expected above 0"),
    "no members": (_set("members", []), "between 1 and 99"),
    "even members": (lambda plain: plain["members"].pop(), "2 members; a majority needs an odd"),
    "too many members": (lambda plain: plain.update(members=plain["members"] * 35), "between 1 and 99"),
    "infinite shift": (_set("info", "log_odds_shift", float("inf")), "JSON|shift of the log-odds"),
    "temperature 0": (_set("info", "temperature", 0), "temperature is not between 0.001 and 1000"),
    "tiny temperature": (_set("info", "temperature", 1e-320), "temperature is not between"),
    "giant shift": (_set("info", "log_odds_shift", 1e300), "shift of the log-odds is not between"),
    "no QSM scale": (_set("settings", "patch", "qsm_scale_ppb", 0), "qsm_scale_ppb is 0.0; expected above 0"),
    "turned clip": (_set("settings", "training", "feature_clip", -1), "feature_clip is -1.0; expected above"),
    "fingerprints": (_set("info", "training", {"fingerprints": 3}), "list of training lesions is none"),
    "odd fingerprints": (
        _set("info", "training", {"fingerprints": [{}]}),
        "list of training lesions is none",
    ),
    "margin": (_set("settings", "patch", "margin_mm", -1e9), "margin_mm is -1000000000.0; expected 0 to 100"),
    "negative sd": (_set("scaler", "sd", 0, -1.0), "standard deviation of its feature scaler is below 0"),
    "operating point": (
        _set("info", "operating_points", {"f1": 1.2}),
        "operating point is not between 0 and 1",
    ),
    "voxel size": (
        _set("settings", "spacing_mm", [0.75, 0.75, -3]),
        r"spacing_mm is \(0.75, 0.75, -3.0\); expected above 0",
    ),
    "twin features": (_set("info", "feature_names", ["a"] * 6), "a feature name stands twice"),
    "scaler too short": (_set("scaler", "mean", [0.0]), "scaler does not fit"),
    "scaler incomplete": (lambda plain: plain["scaler"].pop("median"), "feature scaler is damaged"),
    "path up": (_set("members", 0, "file", "../member-0.safetensors"), "no name of a file inside"),
    "absolute path": (_set("members", 0, "file", "/etc/passwd"), "no name of a file inside"),
    "hidden file": (_set("members", 0, "file", ".x.safetensors"), "no name of a file inside"),
    "pickle": (_set("members", 0, "file", "member-0.pt"), "no name of a file inside"),
    "missing member": (_set("members", 0, "file", "member-7.safetensors"), "cannot be read"),
    "sha256": (_set("members", 0, "sha256", "0" * 64), "sha256"),
    "other member": (_set("members", 0, "file", "member-1.safetensors"), "sha256"),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_an_altered_description_is_refused(folder, change, reason):
    _edit(folder, change)
    with pytest.raises(CheckpointError, match=reason):
        load_detector(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "NaN", '{"format": Infinity}', "[" * 100_000, "\xff"])
def test_a_description_that_is_no_json_object_is_refused(folder, text):
    (folder / "model.json").write_text(text, encoding="latin-1")
    with pytest.raises(CheckpointError, match=r"model\.json"):
        load_detector(folder)


def test_a_flipped_bit_is_refused(folder):
    raw = bytearray((folder / "member-1.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "member-1.safetensors").write_bytes(raw)
    with pytest.raises(
        CheckpointError, match=r"member-1\.safetensors is not the file that model\.json describes"
    ):
        load_detector(folder)


def test_a_missing_member_and_a_missing_model_are_named(folder):
    (folder / "member-2.safetensors").unlink()
    with pytest.raises(MissingModelError, match=r"member-2\.safetensors cannot be read") as missing:
        load_detector(folder)
    assert missing.value.exit_code == 66
    with pytest.raises(MissingModelError, match=r"elsewhere/model\.json cannot be read"):
        load_detector(folder.parent / "elsewhere")


def test_only_regular_files_are_read(folder):
    (folder / "member-2.safetensors").unlink()
    (folder / "member-2.safetensors").symlink_to("/dev/zero")  # would never end
    with pytest.raises(CheckpointError, match=r"member-2\.safetensors is no regular file"):
        load_detector(folder)


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(bundles, "MAX_MEMBER_BYTES", 1000)
    with pytest.raises(CheckpointError, match="has at most 1000"):
        load_detector(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("classifier.0.bias", torch.full((8,), torch.nan)), "NaN or infinite"),
        (_set("classifier.0.bias", torch.full((8,), torch.inf)), "NaN or infinite"),
        (_set("classifier.0.bias", torch.zeros(9)), "do not have the shape"),
        (_set("extra", torch.zeros(9)), "do not have the shape"),
        (lambda weights: weights.pop("classifier.0.bias"), "do not have the shape"),
    ],
    ids=["nan", "infinite", "shape", "extra", "missing"],
)
def test_weights_that_do_not_fit_are_refused(folder, change, reason):
    _rewrite_member(folder, change)
    with pytest.raises(CheckpointError, match=reason):
        load_detector(folder)


def test_bytes_that_are_no_tensors_are_refused(folder):
    raw = b"no tensors here"
    (folder / "member-0.safetensors").write_bytes(raw)
    entry = {"file": "member-0.safetensors", "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    _edit(folder, lambda plain: plain["members"].__setitem__(0, entry))
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_detector(folder)
