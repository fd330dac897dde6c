"""Samples keep key, patch, features and label together."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from qsmrim_app.errors import TableError, UnknownLesionError
from qsmrim_app.tables.lesion_samples import (
    LesionSamples,
    concatenate_samples,
    read_samples,
    samples_to_bytes,
)


def _samples(keys, /, **changes) -> LesionSamples:
    """Samples in which every number of a lesion is its index."""
    index = np.array([key[2] for key in keys], dtype=float)
    values = {
        "keys": tuple(keys),
        "patches": np.broadcast_to(index[:, None, None, None, None], (len(keys), 2, 4, 4, 2)).astype(
            np.float32
        ),
        "features": np.stack([index, -index], axis=1) if len(keys) else np.zeros((0, 2)),
        "feature_names": ("a", "b"),
        "spacing_mm": (0.75, 0.75, 3.0),
        "engine": "test-1",
        "bin_width_ppb": 25.0,
        "rim": np.where(index % 2 == 1, 1.0, np.where(index % 4 == 0, 0.0, np.nan)),
    }
    return LesionSamples(**{**values, **changes})


KEYS = [("01", "", 1), ("01", "", 300), ("02", "a", 2), ("02", "b", 4)]


def test_rows_of_a_selection_stay_together():
    chosen = _samples(KEYS).select([KEYS[3], KEYS[0]])
    assert chosen.keys == (KEYS[3], KEYS[0])
    assert chosen.patches[:, 1, 3, 3, 1].tolist() == [4, 1]
    assert chosen.features.tolist() == [[4, -4], [1, -1]]
    assert chosen.rim.tolist() == [0, 1]
    assert chosen.subjects.tolist() == ["02", "01"]


@pytest.mark.parametrize("rows", [np.array([True, False, False, True]), [0, 3], np.array([0, 3])])
def test_take_by_mask_and_by_index(rows):
    assert _samples(KEYS).take(rows).keys == (KEYS[0], KEYS[3])


def test_take_of_nothing():
    assert len(_samples(KEYS).take([])) == 0
    assert len(_samples([]).take(np.zeros(0, dtype=bool))) == 0


def test_selecting_an_unknown_lesion_is_an_error():
    with pytest.raises(UnknownLesionError, match="'03'"):
        _samples(KEYS).select([("03", "", 1)])


def test_samples_come_back_from_their_file(tmp_path):
    features = np.array([[1, np.nan], [2.5, 3], [0, 0], [-1e300, 1e-300]])
    before = _samples(KEYS, features=features, bin_width_ppb=12.5, map_digest="ab")
    (tmp_path / "s.safetensors").write_bytes(samples_to_bytes(before))
    after = read_samples(tmp_path / "s.safetensors")
    assert (after.keys, after.feature_names, after.spacing_mm, after.engine) == (
        before.keys,
        before.feature_names,
        before.spacing_mm,
        before.engine,
    )
    assert (after.bin_width_ppb, after.map_digest) == (12.5, "ab")
    for name in ("patches", "features", "rim"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype


def test_a_subject_without_lesions_has_a_file_too(tmp_path):
    (tmp_path / "s.safetensors").write_bytes(samples_to_bytes(_samples([])))
    assert len(read_samples(tmp_path / "s.safetensors")) == 0


def test_bytes_are_a_function_of_the_samples():
    assert samples_to_bytes(_samples(KEYS)) == samples_to_bytes(_samples(KEYS))


@pytest.mark.parametrize("content", [b"", b"no tensors", bytes(400)])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "s.safetensors").write_bytes(content)
    with pytest.raises(TableError, match=r"s\.safetensors"):
        read_samples(tmp_path / "s.safetensors")


def test_a_truncated_file_is_named(tmp_path):
    (tmp_path / "s.safetensors").write_bytes(samples_to_bytes(_samples(KEYS))[:-20])
    with pytest.raises(TableError, match=r"s\.safetensors"):
        read_samples(tmp_path / "s.safetensors")


def test_another_safetensors_file_is_refused(tmp_path):
    save_file({"weights": np.ones(3, dtype=np.float32)}, tmp_path / "w.safetensors")
    with pytest.raises(TableError, match=r"w\.safetensors cannot be read .*none of format"):
        read_samples(tmp_path / "w.safetensors")


def test_parts_keep_their_order():
    whole = concatenate_samples([_samples(KEYS[2:]), _samples([]), _samples(KEYS[:2])])
    assert whole.keys == (*KEYS[2:], *KEYS[:2])
    assert whole.features[:, 0].tolist() == [2, 4, 1, 300]


def test_only_the_samples_of_one_session_name_its_map():
    one, other = _samples(KEYS[:2], map_digest="a"), _samples(KEYS[2:], map_digest="b")
    assert concatenate_samples([one]).map_digest == "a"
    assert concatenate_samples([one, other]).map_digest == ""
    assert one.take([]).map_digest == "a"


def test_parts_by_engines_that_agree_stand_together_and_name_both():
    by_both = [_samples(KEYS[:2], engine="vectorised-1"), _samples(KEYS[2:], engine="pyradiomics-3.0.1")]
    assert concatenate_samples(by_both).engine == "pyradiomics-3.0.1 + vectorised-1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"feature_names": ("b", "a")}, "names or order of their features"),
        ({"feature_names": ("a",), "features": np.zeros((2, 1))}, r"their features \(1 and 2\)"),
        ({"spacing_mm": (1.0, 1.0, 3.0)}, r"spacing_mm \(\(1.0, 1.0, 3.0\) and"),
        ({"engine": "test-2"}, r"engine \(test-2 and"),
        ({"margin_mm": 3.0}, r"margin_mm \(3.0 and 0.0\)"),
        ({"qsm_zero": "brain-median"}, "qsm_zero"),
        ({"bin_width_ppb": 5.0}, r"bin_width_ppb \(5.0 and 25.0\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, said):
    with pytest.raises(TableError, match=f"samples of b and of a differ in .*{said}"):
        concatenate_samples([_samples(KEYS[:2]), _samples(KEYS[2:], **change)], ["a", "b"])


def test_parts_of_another_patch_shape_are_refused():
    with pytest.raises(TableError, match="patch shape"):
        concatenate_samples(
            [_samples(KEYS[:1]), _samples(KEYS[1:2], patches=np.zeros((1, 2, 6, 6, 2), dtype=np.float32))]
        )


@pytest.mark.parametrize(
    "change",
    [
        {"patches": np.zeros((3, 2, 4, 4, 2), dtype=np.float32)},
        {"patches": np.zeros((4, 1, 4, 4, 2), dtype=np.float32)},
        {"features": np.zeros((4, 3))},
        {"rim": np.zeros(3)},
        {"rim": np.array([0, 1, 2, np.nan])},
        {"keys": (*KEYS[:3], KEYS[0])},
    ],
    ids=["rows", "channels", "features", "labels", "label value", "key twice"],
)
def test_contradictions_are_refused(change):
    with pytest.raises(TableError):
        _samples(KEYS, **change)
