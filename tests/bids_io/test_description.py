import json

import pytest

from qsmrim_app.bids_io.description import Container, check_output_folder, container_of, write_description
from qsmrim_app.errors import OutputError


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "data" / "raw"
    folder.mkdir(parents=True)
    (folder / "dataset_description.json").write_text(
        '{"Name": "x", "BIDSVersion": "1.10.1", "License": "CC0"}'
    )
    return folder


@pytest.mark.parametrize("inside", ["", "out", "derivatives", "derivatives/a/b", "sub-01/derivatives"])
def test_forbidden_inside_the_raw_dataset(raw, inside):
    with pytest.raises(OutputError, match="derivatives"):
        check_output_folder(raw, raw / inside)
    assert not (raw / "derivatives").exists()


@pytest.mark.parametrize("inside", ["derivatives/qsmrim", "../out/deep", "..", "../raw2"])
def test_allowed(raw, inside):
    check_output_folder(raw, raw / inside)
    assert (raw / inside).is_dir()


def test_a_link_into_the_dataset_is_seen_through(raw, tmp_path):
    (tmp_path / "link").symlink_to(raw)
    with pytest.raises(OutputError):
        check_output_folder(raw, tmp_path / "link" / "out")


def test_another_programs_dataset_is_left_alone(raw, tmp_path):
    out = tmp_path / "fmriprep"
    out.mkdir()
    (out / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    with pytest.raises(OutputError, match="did not write"):
        check_output_folder(raw, out)


def test_our_own_output_may_be_written_again(raw, tmp_path):
    write_description(tmp_path / "out", "1.2.3", {"raw": raw})
    check_output_folder(raw, tmp_path / "out")


def test_a_file_in_the_way(raw, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        check_output_folder(raw, tmp_path / "file")


def test_description(raw, tmp_path):
    out = raw / "derivatives" / "qsmrim"
    datasets = {"raw": raw, "qsm": tmp_path / "elsewhere" / "qsm"}
    write_description(out, "1.2.3", datasets, Container("docker", "qsmrim:1.2.3"))
    content = json.loads((out / "dataset_description.json").read_text())
    assert content["DatasetType"] == "derivative"
    assert content["License"] == "CC0"
    assert content["DatasetLinks"] == {"raw": "../..", "qsm": "../../../../elsewhere/qsm"}
    assert content["GeneratedBy"][0]["Name"] == "qsmrim"
    assert content["GeneratedBy"][0]["Version"] == "1.2.3"
    assert content["GeneratedBy"][0]["Container"] == {"Type": "docker", "Tag": "qsmrim:1.2.3"}
    assert str(tmp_path) not in (out / "dataset_description.json").read_text()
    lookup = (out / "desc-rim_dseg.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in lookup[2:]] == [
        ["1", "rim negative"],
        ["2", "rim positive"],
        ["3", "not classified"],
    ]


def test_container_from_the_environment():
    assert container_of({}) is None
    assert container_of({"QSMRIM_CONTAINER_TAG": "q:1"}) == Container("docker", "q:1")
    named = {"QSMRIM_CONTAINER_TAG": "q:1", "QSMRIM_CONTAINER_TYPE": "apptainer"}
    assert container_of(named) == Container("apptainer", "q:1")
