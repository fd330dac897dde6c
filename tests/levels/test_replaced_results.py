"""Results that stood in the output folder before: of the same map, or of another one."""

from tests.levels.phantom_outputs import write_subject


def test_results_of_another_map_are_not_replaced_unseen(tmp_path, caplog):
    def analyse(number):
        (tmp_path / str(number)).mkdir()
        write_subject("01", tmp_path / "out", tmp_path / str(number))

    analyse(1)
    analyse(2)
    assert not caplog.records
    (chimap,) = (tmp_path / "out").rglob("*_Chimap.nii.gz")
    content = chimap.read_bytes()
    chimap.write_bytes(b"of a participant of another dataset")
    analyse(3)
    assert "sub-01: the results of another susceptibility map stood in" in caplog.text
    assert chimap.read_bytes() == content
