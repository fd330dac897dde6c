import os

import pytest

from qsmrim_app.bids_io.json_files import LARGEST_MB, read_json_object
from qsmrim_app.errors import InputError, MissingImageError


def test_an_object_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('\ufeff{"Units": "ppm"}', encoding="utf-8")
    assert read_json_object(path) == {"Units": "ppm"}


@pytest.mark.parametrize("content", ["", "[]", "3", "{'a': 1}", '{"a": 1', "[" * 100_000, '{"a": ' * 100_000])
def test_what_is_no_object_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"a\.json ") as caught:
        read_json_object(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(int(LARGEST_MB * 1e6) + 1)
    with pytest.raises(InputError, match="too many for a sidecar"):
        read_json_object(path)


def test_links_and_pipes(tmp_path):
    (tmp_path / "link.json").symlink_to("nowhere")
    with pytest.raises(MissingImageError, match=r"link\.json is a link without content"):
        read_json_object(tmp_path / "link.json")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(InputError, match=r"pipe\.json .*no regular file"):
        read_json_object(tmp_path / "pipe.json")
