"""Command lines, settings files and lists of labels that ask for what cannot be meant."""

from __future__ import annotations

import pytest

from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.cli.main import main
from qsmrim_app.cli.parser import build_parser
from qsmrim_app.settings import InputSettings
from tests.bids_io.skeletons import complete, skeleton
from tests.robustness.rows import Row

SECTION = "Command line and settings files"
HERE = "robustness/test_command_line.py"
EMPTY = f"{HERE}::test_no_label_is_not_everybody"
FILES = f"{HERE}::test_a_file_of_the_command_line_that_is_wrong_is_named"
GROUP = f"{HERE}::test_a_settings_file_of_the_group_level_that_is_wrong_is_named"
REFUSED = "refused, exit 64: "
REFUSALS = tuple(
    Row(SECTION, trouble, REFUSED + outcome, test)
    for trouble, outcome, test in (
        ("an empty label, as of a variable that is not set", "the option holds no label", EMPTY),
        ("an empty file of labels", "the option and the file hold no label", EMPTY),
        ("a file of labels that is not UTF-8", "names the file", FILES),
        ("a filter or settings file that is nested 100,000 deep", "names the file", FILES),
        (
            "a label to exclude that no participant has",
            "names label and dataset, as the participant who was meant would be analysed",
            f"{HERE}::test_a_label_to_exclude_that_nobody_has",
        ),
        ("a setting that is nan", "names the file and the value", FILES),
        (
            "a setting of another type: 'false' for false, 1.9 for a whole number",
            "names file and setting",
            FILES,
        ),
        ("a shrink factor of 0, a sampling fraction of 7, an empty path", "names file and setting", FILES),
        ("a smallest volume above the largest", "names file and settings", FILES),
        ("one value where a list or table is expected", "names file and setting", FILES),
        (
            "an option of training, such as --epochs, without --train",
            "names the option, as it would be without effect",
            "cli/test_main.py::test_a_wrong_command_gets_one_sentence_and_its_code",
        ),
        (
            "a dropout of 1.5, a forest of 0 trees, a milestone of 2, a noise below 0",
            "names file and setting",
            GROUP,
        ),
        ("folds that are true, or a number in quotes", "names file and setting", GROUP),
        (
            "a folder in the settings file that does not exist, a site without a name beside others",
            "names file and folder",
            GROUP,
        ),
        (
            "the method or the voxel size in the settings file of a training",
            "names file and setting, and what decides instead",
            GROUP,
        ),
    )
)
ROWS = (
    *REFUSALS,
    Row(
        SECTION,
        "a participant label, where a file of that name lies in the current folder",
        "works: it is the label",
        f"{HERE}::test_a_label_is_a_label_even_where_a_file_has_its_name",
    ),
    Row(
        SECTION,
        "a session label that no selected participant has, beside one that some have",
        "works, with a warning in the log",
        f"{HERE}::test_a_session_label_that_nobody_has",
    ),
    Row(
        SECTION,
        "--participant-label, --exclude-participant-label or --session-label given twice",
        "works: the labels of both",
        f"{HERE}::test_an_option_given_twice_counts_twice",
    ),
    Row(
        SECTION,
        "a folder for --model or --pretrained that does not exist",
        "refused, exit 66: names the file that should be there",
        "detectors/test_bundle.py::test_a_missing_member_and_a_missing_model_are_named",
    ),
    Row(
        SECTION,
        "a date as the value of a BIDS filter",
        REFUSED + "names role and entity",
        f"{HERE}::test_a_date_in_a_filter_is_named",
    ),
    Row(
        SECTION,
        "a BIDS filter that leaves no QSM, FLAIR or lesions, such as acq-x for x or nii.gz for .nii.gz",
        "refused, exit 66: names the filter, and the files that there are without it",
        "bids_io/test_query.py::test_a_filter_that_leaves_no_needed_file_is_named",
    ),
    Row(
        SECTION,
        "a BIDS filter that leaves no magnitude, brain mask or ratings",
        "works, with a warning: names the filter, and the file that there is without it",
        "bids_io/test_query.py::test_a_filter_that_leaves_no_optional_file_is_noted",
    ),
)


def test_a_label_is_a_label_even_where_a_file_has_its_name(good_dataset, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "01").write_text("99")
    assert main([str(good_dataset), "out", "participant", "--dry-run", "--participant-label", "01"]) == 0
    assert "1 session(s) can be processed" in capsys.readouterr().out


def test_a_label_to_exclude_that_nobody_has(good_dataset, capsys, tmp_path):
    words = [str(good_dataset), str(tmp_path / "out"), "participant", "--dry-run"]
    assert main([*words, "--exclude-participant-label", "1"]) == 64
    assert f"{good_dataset} has no sub-1; correct the label" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--participant-label", "participants"),
        ("--exclude-participant-label", "exclude_participants"),
        ("--session-label", "sessions"),
    ],
)
def test_an_option_given_twice_counts_twice(option, setting):
    words = build_parser().parse_args(["in", "out", "participant", option, "a", option, "b", "c"])
    assert vars(words)[f"inputs.{setting}"] == ["a", "b", "c"]


def test_a_session_label_that_nobody_has(tmp_path, caplog):
    root = skeleton(tmp_path, complete("01", "a"))
    assert len(find_inputs(root, InputSettings(sessions=("a", "bb"))).inputs) == 1
    assert "no selected participant has a session 'bb'" in caplog.text


def test_a_date_in_a_filter_is_named(good_dataset, capsys, tmp_path):
    (tmp_path / "settings.toml").write_text("[inputs.bids_filters.qsm]\nsuffix = 2020-01-01\n")
    words = [str(good_dataset), str(tmp_path / "out"), "participant", "--dry-run"]
    assert main([*words, "--config-file", str(tmp_path / "settings.toml")]) == 64
    assert "gives suffix of 'qsm' a value that is no text" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--participant-label", "--exclude-participant-label", "--session-label"])
@pytest.mark.parametrize("word", ["", ",", " ", "empty.txt"])
def test_no_label_is_not_everybody(option, word, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").touch()
    assert main(["in", "out", "participant", option, word]) == 64
    assert (
        f"{option} {word if word.endswith('txt') else ''}".strip() + " holds no label"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--participant-label", b"", "holds no label"),
        ("--participant-label", b"01\xe9\n", "not a readable text file of labels"),
        ("--bids-filter-file", b"[" * 100_000, "nested too deeply"),
        ("--config-file", b"a = " + b"[" * 100_000, "nested too deeply"),
        ("--config-file", b"[lesions]\nmin_volume_mm3 = nan\n", "nan is no finite number"),
        (
            "--config-file",
            b"[lesions]\nmin_volume_mm3 = 9e9\n",
            "min_volume_mm3 and max_volume_mm3: found 9e+09",
        ),
        ("--config-file", b"[preprocessing]\nn4_shrink_factor = 0\n", "expected a whole number from 1"),
        ("--config-file", b"[preprocessing]\nsampling_fraction = 7\n", "expected above 0, at most 1"),
        ("--config-file", b"model = ''\n", "expected a path, found ''"),
        ("--config-file", b"[inputs]\nskip_validation = 'false'\n", "expected bool, found 'false'"),
        ("--config-file", b"[inputs]\nparticipants = '01'\n", "expected a list, found '01'"),
        ("--config-file", b"[resources]\nnprocs = 1.9\n", "expected int, found 1.9"),
        ("--config-file", b"resources = 5\n", "expected ResourceSettings"),
        ("--config-file", b"[preprocessing]\nregistration = 'x'\n", "expected rigid or affine or header"),
    ],
)
def test_a_file_of_the_command_line_that_is_wrong_is_named(option, content, message, capsys, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert main(["in", str(tmp_path / "out"), "participant", option, str(file)]) == 64
    said = capsys.readouterr().err
    assert str(file) in said
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[detector.network]\nclassifier_dropout = 1.5", "classifier_dropout is 1.5; expected 0 to 0.99"),
        ("[detector.network]\nradiomic_dropout = -0.5", "radiomic_dropout is -0.5; expected 0 to 0.99"),
        ("[detector.forest]\nn_trees = 0", "n_trees is 0; expected 1 to 10000"),
        ("[detector.forest]\nmax_depth = 0", "max_depth is 0; expected a whole number from 1"),
        ("[detector.forest]\nsmote_neighbours = 0", "smote_neighbours is 0; expected a whole number from 1"),
        ("[detector.training]\nmilestones = [2, -1]", "milestones is (2.0, -1.0); expected 0 to 1"),
        ("[detector.augmentation]\nfeature_noise_sd = -1", "feature_noise_sd is -1.0; expected 0 to 100"),
        ("[detector.augmentation]\nflip_probability = 7", "flip_probability is 7.0; expected 0 to 1"),
        ("folds = true", "folds is True; expected a whole number above 0"),
        ("folds = '5'", "folds is '5'; expected a whole number above 0 without quotes"),
        ("folds = -2", "folds is -2; expected a whole number above 0"),
        ("folds = 'nosuch.tsv'", "folds is 'nosuch.tsv'; expected"),
        ("[sites]\na = '/no/such/folder'", "sites.a: '/no/such/folder' is not a folder"),
        ("[train_only]\na = '/no/such/folder'", "train_only.a: '/no/such/folder' is not a folder"),
        ("[sites]\n'' = '/tmp'\nb = '/usr'", "sites: '/tmp' has no name; among several"),
        ("[detector]\nmethod = 'rimnet'", "detector.method is no choice at the group level: the methods to"),
        (
            "[detector]\nspacing_mm = [1, 1, 1]",
            "detector.spacing_mm is no choice at the group level: methods",
        ),
    ],
)
def test_a_settings_file_of_the_group_level_that_is_wrong_is_named(content, message, capsys, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(content)
    words = ["in", str(tmp_path / "out"), "group", "--train", "aprl-rf", "--config-file", str(file)]
    assert main(words) == 64
    said = capsys.readouterr().err
    assert said.startswith(f"qsmrim: {file}: ")
    assert message in said
    assert not (tmp_path / "out").exists()
