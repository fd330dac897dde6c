import pytest

from qsmrim_app.bids_io.label_tables import LabelRow, column_names, names_lesions, read_label_table
from qsmrim_app.errors import MissingImageError, TableError


def write(path, text: str, encoding: str = "utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_rows_by_label(tmp_path):
    text = "name\tindex\trim\trim_rater1\trim_rater2\tcomment\nB\t7\t1\t1\t0\tx\nA\t2\tn/a\t0\tn/a\t\n"
    rows = read_label_table(write(tmp_path / "a.tsv", text))
    assert rows == {7: LabelRow(7, "B", 1, 1, 0), 2: LabelRow(2, "A", None, 0, None)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_marks_windows_ends_and_gaps(tmp_path, encoding, end):
    text = end.join(["index\tname\trim", "1.0\tLäsion\t1.0", "", "2\tn/a\t"]) + end
    rows = read_label_table(write(tmp_path / "a.tsv", text, encoding))
    assert rows == {1: LabelRow(1, "Läsion", 1), 2: LabelRow(2, "", None)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\trim\n1_0\t1\n", "index is '1_0'"),
        ("index\tname\n1\ta\n1\tb\n", "line 3: label 1 stands twice"),
        ("index\trim\n1\t2\n", "line 2: rim is '2'"),
        ("index\trim\n1\tyes\n", "rim is 'yes', not a number"),
        ("index\trim\n0\t1\n", "positive whole number"),
        ("index\trim\n1.5\t1\n", "not a whole number"),
        ("index\trim\nn/a\t1\n", "positive whole number"),
        ("index\trim\n1\n", "line 2: 1 cells, 2 columns"),
        ("index,rim\n1,0\n", "tab-separated"),
        ("index\trim\ninf\t0\n", "index is 'inf'"),
        ("index\trim\n1\tMUELLER^HANS\n", "rim is a text of 12 letters, not a number"),
        ("index\trim\n1\t1970-01-01\n", "rim is a text of 10 letters, not a number"),
        ("index\trim\n1\t19700101\n", "rim is a text of 8 letters; a rim status is"),
        ("index\trim\nHans\t0\n", "index is a text of 4 letters, not a number"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, message):
    with pytest.raises(TableError, match=message):
        read_label_table(write(tmp_path / "a.tsv", text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("index\trim\t\t\n1\t1\t\t\n2\tN/A\t\tseen\n", id="of a spreadsheet"),
        pytest.param("\tindex\trim\n0\t1\t1\n1\t2\t\n", id="row numbers of pandas"),
    ],
)
def test_columns_without_a_name_are_not_read(text, tmp_path):
    rows = read_label_table(write(tmp_path / "a.tsv", text))
    assert (rows[1].rim, rows[2].rim) == (1, None)


def test_other_encodings_are_refused(tmp_path):
    with pytest.raises(TableError, match="UTF-8"):
        read_label_table(write(tmp_path / "a.tsv", "index\tname\n1\tLäsion\n", "latin-1"))


def test_columns(tmp_path):
    assert column_names(tmp_path / "none.tsv") == ()
    assert column_names(write(tmp_path / "empty.tsv", "")) == ()
    assert column_names(write(tmp_path / "a.tsv", "\ufeffindex\t rim \r\n")) == ("index", "rim")
    (tmp_path / "link.tsv").symlink_to("nowhere")
    with pytest.raises(MissingImageError):
        column_names(tmp_path / "link.tsv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("index\tname\n1\tlesion-001\n2\tLesion 2\n", True),
        ("index\tname\n1\tlesion-001\n2\twhite matter\n", False),
        ("index\tname\n", False),
        ("index\trim\n1\tn/a\n", True),
        ("index\n1\n", False),
    ],
)
def test_which_tables_name_lesions(tmp_path, text, expected):
    assert names_lesions(write(tmp_path / "a.tsv", text)) is expected


def test_a_row_of_the_background_does_no_harm(tmp_path):
    path = write(tmp_path / "a.tsv", "index\tname\n0\tbackground\n1\tlesion-1\n")
    assert list(read_label_table(path)) == [1]
    assert names_lesions(path)
