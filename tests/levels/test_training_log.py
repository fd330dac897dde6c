import csv

from qsmrim_app.learning.progress import EpochReport
from qsmrim_app.levels.training_log import COLUMNS, follow


def report(epoch, seconds_left=2.0):
    return EpochReport(0, epoch, 3, 0.123456789, 5, 2, 1e-4, 1.234, seconds_left)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_epoch_is_a_row_and_a_line(tmp_path, caplog):
    table = tmp_path / "logs" / "fold-0_seed-0.csv"
    say = follow("qsmrim-net, fold-0_seed-0", table)
    with caplog.at_level("INFO"):
        say(report(1))
        say(report(2, 1.0))
    assert [row["epoch"] for row in rows_of(table)] == ["1", "2"]
    assert tuple(rows_of(table)[0]) == COLUMNS
    assert rows_of(table)[1] == {
        "epoch": "2", "loss": "0.123457", "learning_rate": "0.0001", "seconds": "1.23", "seconds_left": "1.0",
        "batches": "5", "batches_few_rim": "2",
    }  # fmt: skip
    assert caplog.messages[0].startswith("qsmrim-net, fold-0_seed-0: seed 0, epoch 1 of 3: loss 0.1235")


def test_a_fit_that_goes_on_adds_to_its_table_and_one_that_begins_replaces_it(tmp_path):
    table = tmp_path / "t.csv"
    follow("a", table)(report(1))
    follow("a", table)(report(2))
    assert len(rows_of(table)) == 2
    follow("a", table)(report(1))
    assert len(rows_of(table)) == 1


def test_a_table_that_was_removed_begins_with_its_columns(tmp_path):
    follow("a", tmp_path / "t.csv")(report(3))
    assert rows_of(tmp_path / "t.csv")[0]["epoch"] == "3"


def test_without_a_table_the_line_alone(caplog):
    with caplog.at_level("INFO"):
        follow("a", None)(report(1))
    assert len(caplog.messages) == 1
