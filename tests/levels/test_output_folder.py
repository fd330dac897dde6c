"""What is said where an output folder is opened for the second time."""

import logging

import pytest

from qsmrim_app.bids_io.datasets import read_description
from qsmrim_app.errors import OutputError
from qsmrim_app.levels.output_folder import open_output
from qsmrim_app.levels.run_log import log_to_file
from qsmrim_app.settings import GroupSettings, ParticipantSettings
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


def test_the_group_level_leaves_the_names_of_datasets_as_they_are(tmp_path):
    bids, out = skeleton(tmp_path / "bids", complete()), tmp_path / "out"
    (bids / "dataset_description.json").write_text('{"Name": "n", "BIDSVersion": "1", "License": "CC0"}')
    lesions, variant = (skeleton(tmp_path / name, []) for name in ("lesions", "variant"))
    open_output(ParticipantSettings(bids, out), {"raw": bids, "lesions": lesions})
    (out / "sub-01").mkdir()
    before = read_description(out)
    assert before["License"] == "CC0"
    group = {"raw": bids, "lesions": variant, "site": variant}
    open_output(GroupSettings(bids, out), group)
    links = before.pop("DatasetLinks") | {"site": "../variant"}
    assert read_description(out) == before | {"DatasetLinks": links}


@pytest.mark.parametrize("other", ["another", "none"])
def test_the_group_level_is_that_of_the_dataset_whose_results_are_there(other, tmp_path):
    bids, out = skeleton(tmp_path / "bids", complete()), tmp_path / "out"
    skeleton(tmp_path / "another", complete())
    open_output(ParticipantSettings(bids, out), {"raw": bids})
    (out / "sub-01").mkdir()
    before = (out / "dataset_description.json").read_bytes()
    with pytest.raises(OutputError, match=f"holds results of {bids}, not of {tmp_path / other}"):
        open_output(GroupSettings(tmp_path / other, out), {"raw": tmp_path / other})
    assert (out / "dataset_description.json").read_bytes() == before


@pytest.mark.parametrize(
    ("work", "among"),
    [
        ("out", "results in"),
        ("out/logs", "results in"),
        ("out/sub-01/work", "results in"),
        ("bids", "data of"),
        ("bids/sub-01", "data of"),
        ("study/bids/work", "data of"),
        ("out/work", None),
        ("out/scratch", None),
        ("bids/derivatives/qsmrim/work", None),
        ("work", None),
    ],
)
def test_intermediate_files_lie_neither_among_results_nor_in_the_dataset(work, among, tmp_path):
    bids = skeleton(tmp_path / ("study/bids" if "study" in work else "bids"), complete())
    out = tmp_path / ("study" if "study" in work else "out")
    out = bids / "derivatives" / "qsmrim" if "qsmrim" in work else out
    settings = ParticipantSettings(bids, out, work_dir=tmp_path / work)
    if among is None:
        open_output(settings, {"raw": bids})
    else:
        with pytest.raises(OutputError, match=f"the work folder {tmp_path / work} lies among the {among}"):
            open_output(settings, {"raw": bids})


def test_a_log_that_is_a_link_is_copied_before_it_grows(tmp_path):
    archived = tmp_path / "objects" / "MD5-1.log"
    archived.parent.mkdir()
    archived.write_text("before\n")
    log = tmp_path / "logs" / "participant.log"
    log.parent.mkdir()
    log.symlink_to(archived)
    with log_to_file(tmp_path, "participant"):
        logging.getLogger("qsmrim_app").error("now")
    assert archived.read_text() == "before\n"
    assert not log.is_symlink()
    assert log.read_text().startswith("before\n")
    assert log.read_text().endswith("ERROR now\n")
