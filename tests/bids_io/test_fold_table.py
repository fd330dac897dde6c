import pytest

from qsmrim_app.bids_io.fold_table import FOLD_COLUMNS, read_folds
from qsmrim_app.bids_io.tables_io import write_table
from qsmrim_app.errors import TableError


def _file(folder, *lines: str):
    path = folder / "folds.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_labels_with_and_without_sub_and_with_sites(tmp_path):
    path = _file(
        tmp_path, "fold\tage\tsubject", "0\t31\tsub-01", "1\t40\t02", "2.0\t50\tbasel:sub-03", "3\t1\tb:04"
    )
    assert read_folds(path) == {"01": 0, "02": 1, "basel:03": 2, "b:04": 3}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "folds.tsv"
    write_table(path, tuple(FOLD_COLUMNS), [("a:01", 0, 5, 2), ("b:01", 1, 7, 0)])
    assert read_folds(path) == {"a:01": 0, "b:01": 1}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["participant_id\tfold", "01\t0"], "no column 'subject'"),
        (["subject fold", "01 0"], "no column 'subject'.*tab-separated"),
        (["subject\tgroup", "01\t0"], "no column 'fold'"),
        (["subject\tfold", "01\t0", "sub-01\t0"], "line 3: subject '01' stands twice"),
        (["subject\tfold", "01\t0", "01\t1"], "line 3: subject '01' stands in the folds 0 and 1"),
        (["subject\tfold", "01\tfirst"], "line 2: fold is 'first', not a whole number"),
        (["subject\tfold", "01\t0.5"], "not a whole number"),
        (["subject\tfold", "01\t-1"], "not a whole number"),
        (["subject\tfold", "01\tnan"], "not a whole number"),
        (["subject\tfold", "01\tinf"], "not a whole number"),
        (["subject\tfold", "01\tn/a"], "not a whole number"),
        (["subject\tfold", "sub-\t0"], "without a subject"),
        (["subject\tfold", "01\t0\t1"], "3 cells, 2 columns"),
        (["subject\tfold"], "has no rows"),
        ([""], "has no rows"),
    ],
)
def test_a_table_that_is_wrong_is_refused_in_one_sentence(lines, said, tmp_path):
    with pytest.raises(TableError, match=said) as failure:
        read_folds(_file(tmp_path, *lines))
    assert failure.value.exit_code == 65
    assert "\n" not in str(failure.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read_folds(tmp_path / "no.tsv")
