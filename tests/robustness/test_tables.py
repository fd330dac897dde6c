"""Tables with another separator, encoding or content than the program needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.robustness.cases import Case, judge, named, rows, same_result
from tests.robustness.rows import Row
from tests.robustness.session import Result, SessionFiles

SECTION = "TSV tables"
REFUSED = "refused, exit 65: "
NAMES = ("index\tname", *(f"{label}\tleft-{label}" for label in range(1, 6)))


def table(
    lines: Sequence[str] = NAMES, end: str = "\n", encoding: str = "utf-8"
) -> Callable[[SessionFiles], None]:
    """What stands beside the instance map."""
    raw = "".join(line + end for line in lines).encode(encoding)
    return lambda files: files.table.write_bytes(raw) and None


def with_row(row: str) -> Callable[[SessionFiles], None]:
    return table((*NAMES, row))


def participants(*lines: str) -> Callable[[SessionFiles], None]:
    text = "\n".join(("participant_id\tage", *lines)) + "\n"
    return lambda files: (files.root / "participants.tsv").write_text(text) and None


def participants_raw(raw: bytes) -> Callable[[SessionFiles], None]:
    return lambda files: (files.root / "participants.tsv").write_bytes(raw) and None


def names_kept(result: Result, undisturbed: Result) -> None:
    """Every lesion has the name that the table gives it."""
    frame = result.measured.table.frame
    assert dict(zip(frame["index"], frame["name"], strict=True)) == {n: f"left-{n}" for n in range(1, 6)}
    same_result(result, undisturbed)


def numbered(result: Result, undisturbed: Result) -> None:
    """Lesions without a row are named by their number."""
    frame = result.measured.table.frame
    assert list(frame["name"]) == [f"lesion-{label:03d}" for label in range(1, 6)]


def last_numbered(result: Result, undisturbed: Result) -> None:
    frame = result.measured.table.frame
    assert list(frame["name"]) == [*(f"left-{label}" for label in range(1, 5)), "lesion-005"]


PATH = r"desc-lesions_dseg\.tsv"
CASES = [
    Case("Windows line ends", "works", table(end="\r\n"), check=names_kept, measured=True),
    Case("A byte order mark", "works", table(encoding="utf-8-sig"), check=names_kept, measured=True),
    Case("Old Macintosh line ends", "works", table(end="\r"), check=names_kept, measured=True),
    Case(
        "No column `index`",
        REFUSED + "the column is named",
        table(["label\tname", "1\tleft-1"]),
        PATH + r": no column 'index'",
        measured=True,
    ),
    Case(
        "Commas instead of tabs",
        REFUSED + "the file must be tab-separated",
        table([line.replace("\t", ",") for line in NAMES]),
        PATH + ": no column 'index'.*tab-separated",
        measured=True,
    ),
    Case(
        "A lesion that stands twice",
        REFUSED + "one row a lesion",
        with_row("3\tleft-3b"),
        PATH + ", line 7: label 3 stands twice",
        measured=True,
    ),
    Case(
        "A column that stands twice",
        REFUSED + "one column a name",
        table(["index\tname\tname", "1\ta\tb"]),
        PATH + ": column 'name' stands twice",
        measured=True,
    ),
    Case(
        "A row with a cell too few",
        REFUSED + "the line is named",
        with_row("6"),
        PATH + ", line 7: 1 cells, 2 columns",
        measured=True,
    ),
    Case(
        "An index that is no number",
        REFUSED + "the line is named",
        with_row("six\tleft-6"),
        PATH + ", line 7: index is 'six', not a number",
        measured=True,
    ),
    Case(
        "A quotation mark that is never closed, so that rows would be swallowed",
        REFUSED + "the line is named",
        table([*NAMES[:3], '3\t"left-3', *NAMES[4:]]),
        PATH + ", line .*quotation mark",
        measured=True,
    ),
    Case(
        "Two quotation marks, rows apart",
        REFUSED + "the line is named",
        table([*NAMES[:2], '2\t"left-2', '3\tleft-3"', *NAMES[4:]]),
        PATH + ", line .*quotation mark",
        measured=True,
    ),
    Case(
        "A table in Latin-1",
        REFUSED + "UTF-8 was expected",
        table([*NAMES[:-1], "5\tLäsion"], encoding="latin-1"),
        PATH + " cannot be read as a table.*UTF-8",
        measured=True,
    ),
    Case(
        "A table in UTF-16",
        REFUSED + "UTF-8 was expected",
        table(encoding="utf-16"),
        PATH + " cannot be read as a table.*UTF-8",
        measured=True,
    ),
    Case(
        "Zero bytes in a table",
        REFUSED + "the table cannot be read",
        with_row("6\tle\0ft"),
        PATH,
        measured=True,
    ),
    Case("A table of 0 bytes", "works: lesions are numbered", table([]), check=numbered, measured=True),
    Case(
        "A lesion of the map without a row",
        "works: it is numbered",
        table(NAMES[:-1]),
        check=last_numbered,
        measured=True,
    ),
    Case(
        "A row without a lesion in the map",
        "works, with a warning: the row is named",
        with_row("9\tleft-9"),
        PATH + r": 1 row\(s\) name no lesion of the map: 9",
        names_kept,
        measured=True,
    ),
    Case(
        "`participants.tsv` lacks a participant who has a folder",
        "works, with a warning: who it is",
        participants("sub-02\t40"),
        r"participants\.tsv has no row for sub-01",
        alone=True,
    ),
    Case(
        "`participants.tsv` names participants without a folder",
        "works, with a warning: who they are, in the log",
        participants("sub-01\t40", "sub-02\t40", "sub-03\t40"),
        r"participants\.tsv names 2 participant\(s\) without a folder: sub-02, sub-03",
        alone=True,
    ),
    Case(
        "`participants.tsv` in which a participant stands twice",
        "works, with a warning: who it is, in the log",
        participants("sub-01\t40", "sub-01\t41"),
        r"participants\.tsv names 1 participant\(s\) twice: sub-01",
        alone=True,
    ),
    Case(
        "`participants.tsv` without the column `participant_id`",
        "works, with a warning: it was not compared with the folders, in the log",
        participants_raw(b"id\tage\nsub-01\t40\n"),
        r"participants\.tsv .*participant_id",
        alone=True,
    ),
    Case(
        "`participants.tsv` in another encoding",
        "works, with a warning: it was not compared with the folders, in the log",
        participants_raw(b"participant_id\tcity\nsub-01\tK\xf6ln\n"),
        r"participants\.tsv cannot be read",
        alone=True,
    ),
    Case(
        "`participants.tsv` with a byte order mark and Windows line ends",
        "works",
        participants_raw(b"\xef\xbb\xbfparticipant_id\tage\r\nsub-01\t40\r\n"),
        alone=True,
    ),
    Case("`participants.tsv` with labels that lack `sub-`", "works", participants("01\t40"), alone=True),
]
BAD_GROUP = "levels/test_bad_group_input.py::test_wrong_data_get_a_sentence_and_change_nothing"
SETTINGS = (
    "levels/test_bad_group_input.py::test_settings_that_cannot_be_meant_are_refused_before_anything_is_read"
)
GROUP_ROWS = tuple(
    Row("Group level", trouble, f"refused, exit {code}: {outcome}", test)
    for trouble, code, outcome, test in (
        (
            "no lesion is rated, or all have the same status",
            65,
            "says how many have which",
            BAD_GROUP,
        ),
        ("fewer rim+ participants than folds", 65, "names the fold that lacks them", BAD_GROUP),
        (
            "a site with another grid, feature list, bin width of the features or engine",
            65,
            "names both sessions and values",
            BAD_GROUP,
        ),
        (
            "a settings file with another margin or bin width than the samples were measured with",
            65,
            "names both values",
            BAD_GROUP,
        ),
        (
            "samples of an earlier version, which do not say their bin width or map",
            65,
            "names the file and what to run again",
            BAD_GROUP,
        ),
        (
            "the same participant in two sites, or under two names, also with other outlines of the lesions "
            "and without images",
            65,
            "names both",
            BAD_GROUP,
        ),
        (
            "a mask variant of other people who have the same labels",
            65,
            "names the participant and both folders",
            BAD_GROUP,
        ),
        (
            "a model to start from (`--pretrained`) on features of another bin width",
            65,
            "names the model and both values",
            "levels/test_pretraining.py::test_a_model_of_features_of_another_bin_width_is_refused",
        ),
        (
            "a model to start from that saw who is held out, also under other outlines and without images",
            64,
            "names the model and a participant",
            "levels/test_pretraining.py::test_whoever_is_held_out_was_not_seen_under_other_outlines_either",
        ),
        ("one scan among the results of two sessions", 65, "names both", BAD_GROUP),
        ("a label without a lesion, a sample without a row", 65, "names the file and the lesion", BAD_GROUP),
        ("samples or tables of two participants were exchanged", 65, "the file holds another's", BAD_GROUP),
        (
            "samples whose description is damaged, that are not finite, or a pipe in their place",
            65,
            "names the file",
            BAD_GROUP,
        ),
        (
            "a lesion table with an infinite or negative volume, a probability of 1.5, a rim status of 2, "
            "or a label of 20 digits",
            65,
            "names file, column and value",
            BAD_GROUP,
        ),
        (
            "a table of folds that lacks or repeats a participant",
            65,
            "names the participant",
            BAD_GROUP,
        ),
        (
            "patches or a zero of the QSM in the settings file that are not those of the samples",
            65,
            "names both",
            BAD_GROUP,
        ),
        (
            "one name for two folders: the raw dataset, a site, a mask variant, what only trains",
            64,
            "names it",
            SETTINGS,
        ),
        (
            "a negative seed, a clip below 0, a batch of one lesion, a range whose ends are exchanged, a "
            "site name with a line end",
            64,
            "names the value",
            SETTINGS,
        ),
    )
)
GROUP_WARNINGS = (
    Row(
        "Group level",
        "a call that breaks off in training, where an earlier one left a page",
        "the former page is removed before the first table is replaced, as it is not that of the tables",
        "levels/test_group_report.py::test_a_training_that_breaks_off_leaves_no_page_of_the_former_cohort",
    ),
    Row(
        "Group level",
        "models and figures of methods that an earlier call trained, perhaps on another cohort",
        "works: the page names the models; their figures are removed from `figures/`",
        "levels/test_group_report.py::test_models_and_figures_of_another_training_do_not_pass_for_this_one",
    ),
    Row(
        "Group level",
        "a folder called `default` or `none` given as a model, as `./default`",
        "works: it is that folder, not the word",
        "cli/test_main.py::test_a_folder_is_not_the_word_that_it_is_called_by",
    ),
    Row(
        "Group level",
        "results of participants who are not in the raw dataset, such as those who withdrew",
        "works, with a warning at the top of the page: who they are, and that they are counted",
        "levels/test_group_report.py::test_participants_who_are_not_in_the_raw_dataset_are_named",
    ),
    Row(
        SECTION,
        "a table of ratings whose label map is not there",
        "works, with a warning: names both; it is not used",
        "bids_io/test_query.py::test_a_rater_table_without_its_image_is_named",
    ),
    Row(
        "Group level",
        "another `bids_dir` than that of the results in the output folder, or none that exists",
        "refused, exit 73: names both; no link of the output is changed",
        "levels/test_output_folder.py::test_the_group_level_is_that_of_the_dataset_whose_results_are_there",
    ),
    Row(
        "Group level",
        "predictions without a trace of their model (`logs/` was not copied), or of several versions or "
        "settings",
        "works, with a warning at the top of the page",
        "levels/test_group_report.py::test_predictions_of_unknown_or_mixed_origin_are_said",
    ),
    Row(
        "Group level",
        "one method trained again, beside a comparison with others",
        "works: the former comparison is removed, and that is said",
        "levels/test_group_report.py::test_training_one_method_again_removes_the_comparison_of_former_models",
    ),
    Row(
        SECTION,
        "a table of ratings beside a lesion mask or in another space",
        "works, with a warning: it is not used",
        "bids_io/test_query.py::test_a_rater_table_beside_a_map_that_is_not_read_is_named",
    ),
    Row(
        SECTION,
        "a name or a date in the column `rim`",
        "refused, exit 65: says how long it is; its text stands in no log and on no page",
        "bids_io/test_label_tables.py::test_what_is_wrong_is_said",
    ),
    Row(
        SECTION,
        "columns without a name, of a spreadsheet or of pandas",
        "works: they are not read",
        "bids_io/test_label_tables.py::test_columns_without_a_name_are_not_read",
    ),
    Row(
        "Group level",
        "samples whose lesion table is gone",
        "works, with a warning: they are left out, and named",
        "levels/test_bad_group_input.py::test_samples_without_their_lesion_table_are_named",
    ),
    Row(
        "Group level",
        "a status file that is damaged",
        "works: the session's reason says that nobody can say how it ended",
        "bids_io/test_outcomes.py::test_a_status_that_cannot_be_read_is_said",
    ),
)
ROWS = (*rows(SECTION, CASES, "robustness/test_tables.py::test_table"), *GROUP_ROWS, *GROUP_WARNINGS)


@pytest.mark.parametrize("case", named(CASES))
def test_table(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
