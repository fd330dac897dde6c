"""Terminals, folders and environments that a program does not expect."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qsmrim_app.bids_io.description import write_description
from qsmrim_app.cli import main
from tests.robustness.programs import REPOSITORY
from tests.robustness.rows import Row

SECTION = "Environment"
METHODS_TEXT = ("--boilerplate-only", "--device", "cpu")
HERE = "robustness/test_environment.py"
OWN_ROWS = tuple(
    Row(SECTION, trouble, outcome, f"{HERE}::{test}")
    for trouble, outcome, test in (
        ("a terminal that knows no letters but ASCII", "works: others are shown as `?`", "test_ascii"),
        ("standard output or error is closed", "works: what they would show is lost", "test_a_closed_stream"),
        ("standard output cannot be written", "refused, exit 73: no file is concerned", "test_a_full_output"),
        ("the reader of standard output has gone", "works", "test_a_reader_who_has_gone"),
        ("the current folder was removed", "refused, exit 64: says so", "test_no_current_folder"),
        (
            "`signal.py` in the current folder",
            "works: nothing of the current folder is imported",
            "test_modules_of_the_current_folder_are_not_run",
        ),
        (
            "`nipype.cfg` in the current folder",
            "works: it is not read, and no log or profile is written where it says",
            "test_settings_of_nipype_in_the_current_folder_are_not_read",
        ),
        (
            "an empty path, as of a variable that is not set",
            "refused, exit 64: the path is empty",
            "test_an_empty_path_is_not_the_current_folder",
        ),
        (
            "an output folder with results of another dataset",
            "refused, exit 73: names both",
            "test_two_datasets_are_not_mixed",
        ),
        (
            "an output folder with a README, `participants.tsv` or label maps of one's own",
            "refused, exit 73: names the first; nothing is replaced",
            "test_what_a_person_left_is_not_replaced",
        ),
    )
)  # fmt: skip
ROWS = (
    *OWN_ROWS,
    Row(
        SECTION,
        "results of the same label from another susceptibility map, as of another dataset in a container",
        "works, with a warning: they were replaced, in the log",
        "levels/test_replaced_results.py::test_results_of_another_map_are_not_replaced_unseen",
    ),
    Row(
        SECTION,
        "expert ratings typed into the output's own table, which a new run replaces",
        "works, with a warning in log and status: the former table is kept in `logs/`",
        "levels/test_replaced_results.py::test_ratings_typed_into_the_output_are_kept_aside",
    ),
    Row(
        SECTION,
        "a run with other settings that fails on a session with results",
        "refused as without them; results stay, and what is kept of their model stays theirs",
        "levels/test_participant.py::test_a_failed_run_leaves_results_and_their_model_as_they_were",
    ),
    Row(
        SECTION,
        "a folder of a participant without the rights to enter it",
        "refused, exit 66: names it; other participants are done",
        "bids_io/test_query.py::test_a_folder_that_may_not_be_entered_fails_its_subject_alone",
    ),
    Row(
        SECTION,
        "a derivative that nobody named, without the rights to list it",
        "works, with a warning: it was not searched",
        "bids_io/test_query.py::test_a_derivative_that_may_not_be_listed_is_left_out_unless_it_was_named",
    ),
    Row(
        SECTION,
        "a work folder in the dataset, or among the results (`OUT`, `OUT/logs`, `OUT/sub-01`)",
        "refused, exit 73: names it; nothing is written there",
        "levels/test_output_folder.py::test_intermediate_files_lie_neither_among_results_nor_in_the_dataset",
    ),
    Row(
        SECTION,
        "lesion maps without a session, of a participant with several",
        "refused, exit 66: names the file and says that several sessions are there",
        "bids_io/test_query.py::test_images_without_a_session_of_a_participant_with_several_are_named",
    ),
    Row(
        SECTION,
        "results of a session that got another name since, or of before the dataset got session folders",
        "works, with a warning in the log: both are counted; names the folder",
        "bids_io/test_outcomes.py::test_sessions_that_got_another_name_are_left",
    ),
    Row(
        SECTION,
        "a derivative with session folders that hold nothing for this analysis, as of fMRIPrep or FreeSurfer",
        "works: they make no session",
        "bids_io/test_query.py::test_folders_that_other_programs_made_for_themselves_are_no_sessions",
    ),
    Row(
        SECTION,
        "logs that are links into an archive of git-annex, in an output that was saved with DataLad",
        "works: the log is copied before it grows; the archive is not changed",
        "levels/test_output_folder.py::test_a_log_that_is_a_link_is_copied_before_it_grows",
    ),
    Row(
        SECTION,
        "a nipype plugin file with 0 processes, or with a plugin that runs nothing",
        "refused, exit 64, before anything is written: names the file, what it says and what was expected",
        "preprocessing/test_plugin_file.py::test_a_file_that_is_none",
    ),
    Row(
        SECTION,
        "results without a session, and a derivative that has given the participant one since",
        "works, with a warning in the log: both are counted; names the folder",
        "bids_io/test_outcomes.py::test_sessions_that_got_another_name_are_left",
    ),
    Row(
        SECTION,
        "labels with `sub-`, `/` or `..` given to the nipype interface",
        "works without the prefix; else refused before anything is made",
        "embedding/test_detect_rim_lesions.py::test_labels_may_bear_their_prefix_and_cannot_leave_the_folder",
    ),
    Row(
        SECTION,
        "a derivative of the same name in another folder than when earlier results were written",
        "works, with a warning in the log: names the former folder, at which earlier sidecars point",
        "levels/test_output_folder.py::test_a_name_that_stands_for_another_dataset_than_before_is_said",
    ),
    Row(
        SECTION,
        "notes of a person in the folder of a model that is trained again",
        "works: they stay; all that the former training left is replaced",
        "detectors/test_bundle.py::test_a_model_is_replaced_as_a_whole",
    ),
    Row(
        SECTION,
        "`--reports-only` for a session whose images are gone",
        "works: its report is made anew; the exit code and the summary say what is missing",
        "levels/test_participant.py::test_reports_of_a_session_whose_images_are_gone_are_made_and_said",
    ),
)


def qsmrim(shell: str, folder: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``qsmrim WORDS`` in a folder; ``shell`` stands behind it, such as a redirection."""
    command = f'"$PROGRAM" "{REPOSITORY / "run.py"}" "$@" {shell}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command, "bash", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PROGRAM": sys.executable, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def test_ascii(good_dataset, tmp_path):
    ended = qsmrim("", tmp_path, good_dataset, "out", "participant", "--dry-run", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "1 session(s) can be processed" in ended.stdout


@pytest.mark.parametrize("stream", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream(stream, good_dataset, tmp_path):
    ended = qsmrim(stream, tmp_path, good_dataset, "out", "participant", *METHODS_TEXT)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "out" / "logs" / "CITATION.md").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output(good_dataset, tmp_path):
    ended = qsmrim(">/dev/full", tmp_path, good_dataset, "out", "participant", *METHODS_TEXT)
    assert ended.returncode == 73
    assert ended.stderr.startswith("qsmrim: standard output cannot be written (No space left on device)")
    assert "Exception ignored" not in ended.stderr
    assert (tmp_path / "out" / "logs" / "CITATION.md").is_file()


def test_a_reader_who_has_gone(good_dataset, tmp_path):
    ended = qsmrim("| true", tmp_path, good_dataset, "out", "participant", "--dry-run")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_current_folder(good_dataset, tmp_path):
    words = f'"{good_dataset}" "{tmp_path}/out" participant --dry-run'
    command = (
        f'mkdir gone && cd gone && rmdir ../gone && "{sys.executable}" "{REPOSITORY / "run.py"}" {words}'
    )
    ended = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 64
    assert ended.stderr == "qsmrim: the current folder was removed; change into one that exists\n"


@pytest.mark.slow
def test_modules_of_the_current_folder_are_not_run(good_dataset, tmp_path):
    for name in ("signal", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'was_run')!r}, 'w')\nraise SystemExit(9)\n"
        )
    ended = qsmrim("", tmp_path, good_dataset, "out", "participant", "--model", "none", "--nprocs", "1")
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "was_run").exists()
    assert (tmp_path / "out" / "sub-01.html").is_file()


def test_settings_of_nipype_in_the_current_folder_are_not_read(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    text = f"[logging]\nlog_to_file = true\nlog_directory = {elsewhere}\n[monitoring]\nenabled = true\n"
    (tmp_path / "nipype.cfg").write_text(text)
    code = (
        "from qsmrim_app.cli.machine import use_private_caches\nuse_private_caches()\n"
        "import qsmrim_app.preprocessing.running\nimport nipype\n"
        "get = nipype.config.get\n"
        "print(get('logging', 'log_to_file'), get('monitoring', 'enabled'), nipype.config.cwd)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["false", "false", str(tmp_path)]
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [("", "out", "participant"), ("in", "", "participant"), ("in", "out", "participant", "--work-dir", " ")],
)
def test_an_empty_path_is_not_the_current_folder(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*words]) == 64
    assert "the path is empty" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_two_datasets_are_not_mixed(good_dataset, tmp_path, capsys):
    other = Path(shutil.copytree(good_dataset, tmp_path / "other", symlinks=True))
    write_description(tmp_path / "out", "1.2.3", {"raw": good_dataset})
    (tmp_path / "out" / "sub-01").mkdir()
    words = [str(tmp_path / "out"), "participant", "--boilerplate-only"]
    assert main([str(other), *words]) == 73
    said = capsys.readouterr().err
    assert f"holds results of {good_dataset.resolve()}, not of {other}" in said
    assert main([str(good_dataset), *words]) == 0


@pytest.mark.parametrize("name", ["README.md", "participants.tsv", "sub-01_desc-lesions_dseg.tsv"])
def test_what_a_person_left_is_not_replaced(name, good_dataset, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    assert main([str(good_dataset), str(tmp_path / "out"), "participant", "--boilerplate-only"]) == 73
    assert f"is no output of qsmrim and holds {name}" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]
