from pathlib import Path

import pytest

from qsmrim_app.embedding import DetectRimLesions
from qsmrim_app.errors import QsmrimError


@pytest.mark.slow
def test_the_interface_gives_the_files_of_the_session(phantom_dataset, tmp_path):
    node = DetectRimLesions(
        bids_dir=str(phantom_dataset), output_dir=str(tmp_path / "out"), participant_label="01", model="none"
    )
    found = node.run(cwd=str(tmp_path)).outputs
    for name in ("lesions", "lesion_table", "rim_map", "probability_map", "report"):
        assert Path(getattr(found, name)).is_file()
    assert Path(found.report).name == "sub-01.html"


def test_a_session_that_fails_raises_with_its_reason(phantom_dataset, tmp_path):
    node = DetectRimLesions(
        bids_dir=str(phantom_dataset), output_dir=str(tmp_path / "out"), participant_label="99", model="none"
    )
    with pytest.raises(QsmrimError, match="99"):
        node.run(cwd=str(tmp_path))
