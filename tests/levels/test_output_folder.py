"""What is said where an output folder is opened for the second time."""

from qsmrim_app.levels.output_folder import open_output
from qsmrim_app.settings import ParticipantSettings
from tests.bids_io.skeletons import complete, skeleton


def test_a_name_that_stands_for_another_dataset_than_before_is_said(tmp_path, caplog):
    bids, out = skeleton(tmp_path / "bids", complete()), tmp_path / "out"
    first, second = (skeleton(tmp_path / name, []) for name in ("first", "second"))
    settings = ParticipantSettings(bids, out)
    open_output(settings, {"raw": bids, "lesions": first})
    open_output(settings, {"raw": bids, "lesions": second})
    assert caplog.text == ""  # there is no result yet
    (out / "sub-01").mkdir()
    open_output(settings, {"raw": bids, "lesions": second})
    assert caplog.text == ""
    open_output(settings, {"raw": bids, "lesions": first})
    assert "the dataset 'lesions' was ../second when earlier results here were written" in caplog.text
