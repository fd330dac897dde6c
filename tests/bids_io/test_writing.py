import gzip
import os
import stat

import numpy as np
import pytest

from qsmrim_app.bids_io.writing import write_bytes, write_image, write_json, write_text
from qsmrim_app.errors import OutputError
from qsmrim_app.images.reading import load_labels
from qsmrim_app.records import Volume


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "ä\n")
    assert (tmp_path / "a/b/c.txt").read_bytes() == "ä\n".encode()
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c.txt"]


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


def test_an_old_file_stays_whole_until_the_new_one_is(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(*_: object) -> None:
        assert path.read_text() == "old"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_in_the_way_of_a_folder(tmp_path):
    write_text(tmp_path / "a", "x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_bytes(tmp_path / "a" / "b", b"x")


def test_json_keeps_the_order_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "µ"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": "µ"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"a": float("nan")})


def test_image_with_sidecar_is_the_same_every_time(tmp_path):
    labels = Volume(np.arange(24, dtype=np.int32).reshape(2, 3, 4), np.diag([1.0, 2, 3, 1]))
    contents = []
    for folder in ("one", "two"):
        path = tmp_path / folder / "x_dseg.nii.gz"
        write_image(path, labels, {"Manual": False})
        contents.append(path.read_bytes())
        assert (path.parent / "x_dseg.json").read_text() == '{\n  "Manual": false\n}\n'
    assert contents[0] == contents[1]
    assert gzip.decompress(contents[0])[344:348] == b"n+1\0"
    np.testing.assert_array_equal(load_labels(path).volume.data, labels.data)
