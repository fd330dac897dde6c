"""Folders that loop, links that lead nowhere, names that BIDS does not know, and files that are not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.robustness.cases import Case, judge, named, rows
from tests.robustness.session import SessionFiles

SECTION = "Folders and names"
REFUSED = "refused, exit 65: "
MISSING = "refused, exit 66: "


def remove(*names: str) -> Callable[[SessionFiles], None]:
    def spoil(files: SessionFiles) -> None:
        for name in names:
            path: Path = getattr(files, name)
            path.unlink()

    return spoil


def copied(name: str, to: str) -> Callable[[SessionFiles], None]:
    """A file of the session a second time under another name."""

    def spoil(files: SessionFiles) -> None:
        path: Path = getattr(files, name)
        shutil.copy(path, path.with_name(to))

    return spoil


def in_place_of_the_qsm(make: Callable[[Path], object]) -> Callable[[SessionFiles], None]:
    def spoil(files: SessionFiles) -> None:
        files.qsm.unlink()
        make(files.qsm)

    return spoil


def raw_echoes_only(files: SessionFiles) -> None:
    files.qsm.unlink()
    shutil.copy(files.magnitude, files.magnitude.with_name("sub-01_echo-1_part-phase_MEGRE.nii.gz"))


def beside_root(name: str, target: str) -> Callable[[SessionFiles], None]:
    return lambda files: (files.root / name).symlink_to(target)


def folder_of_links_to_itself(files: SessionFiles) -> None:
    anat = files.qsm.parent
    shutil.rmtree(anat)
    anat.symlink_to("anat")


def second_subject(label: str) -> Callable[[SessionFiles], None]:
    """A folder beside the good subject's; the only thing wrong is its name."""

    def spoil(files: SessionFiles) -> None:
        for folder in (files.root, files.root / "derivatives" / "qsm"):
            anat = folder / f"sub-{label}" / "anat"
            anat.mkdir(parents=True)
            (anat / f"sub-{label}_FLAIR.nii.gz").touch()
        shutil.rmtree(files.root / "sub-01")
        (files.root / "participants.tsv").unlink()

    return spoil


def odd_session(files: SessionFiles) -> None:
    (files.root / "sub-01" / "ses-week 3").mkdir()


def derivatives_named(name: str) -> Callable[[SessionFiles], None]:
    folder = "derivatives/lesions"
    return lambda files: (files.root / folder).rename(files.root / "derivatives" / name) and None


def moved_to(name: str) -> Callable[[SessionFiles], None]:
    """The whole dataset in a folder of another name, and a link where it was."""

    def spoil(files: SessionFiles) -> None:
        files.root.rename(files.root.with_name(name))
        files.root.symlink_to(name)

    return spoil


def other_files(files: SessionFiles) -> None:
    anat = files.flair.parent
    for name in (
        "sub-01_FLAIR copy.nii.gz",
        "sub-01_FLAIR (1).nii.gz",
        "._sub-01_FLAIR.nii.gz",
        "sub-01_FLAIR.nii.gz~",
        "Thumbs.db",
        ".DS_Store",
    ):
        (anat / name).write_bytes(b"")


def flair_named(name: str) -> Callable[[SessionFiles], None]:
    return lambda files: files.flair.rename(files.flair.with_name(name)) and None


def another_format(files: SessionFiles) -> None:
    files.flair.with_name("sub-01_T1w.mgz").touch()


ODD = "not letters and digits"
CASES = [
    Case("No FLAIR", MISSING + "what is missing", remove("flair"), "sub-01: no FLAIR"),
    Case(
        "A FLAIR that ends in `.NII.GZ`",
        MISSING + "names the file that was not read",
        flair_named("sub-01_FLAIR.NII.GZ"),
        r"sub-01: no FLAIR.*; sub-01_FLAIR\.NII\.GZ was not read; expected a name that ends in",
    ),
    Case(
        "A FLAIR in Analyze format (`.hdr`)",
        MISSING + "names the file that was not read",
        flair_named("sub-01_FLAIR.hdr"),
        r"sub-01: no FLAIR.*; sub-01_FLAIR\.hdr was not read",
    ),
    Case(
        "A FLAIR in the folder that is another participant's by its name",
        MISSING + "names the file and the participant",
        flair_named("sub-02_FLAIR.nii.gz"),
        r"sub-01: no FLAIR.*; sub-02_FLAIR\.nii\.gz was not read; by its name it is not of sub-01",
    ),
    Case(
        "A FLAIR whose name is not UTF-8",
        MISSING + "names the file",
        flair_named(os.fsdecode(b"sub-01_acq-\xff_FLAIR.nii.gz")),
        r"sub-01: no FLAIR.*; sub-01_acq-\\xff_FLAIR\.nii\.gz was not read; its name is not UTF-8",
    ),
    Case(
        "An image of another format beside the others",
        "works, with a warning: names it",
        another_format,
        r"sub-01_T1w\.mgz was not read",
    ),
    Case("No QSM", MISSING + "what is missing", remove("qsm"), r"sub-01: no susceptibility map"),
    Case(
        "Raw gradient echo data instead of a QSM",
        MISSING + "make a QSM first",
        raw_echoes_only,
        "sub-01: no susceptibility map .* make one first, e.g. with QSMxT",
    ),
    Case("No lesion map", MISSING + "what is missing", remove("lesions"), "sub-01: no lesion map"),
    Case(
        "No FLAIR and no QSM",
        MISSING + "both in one sentence",
        remove("flair", "qsm"),
        "sub-01: no susceptibility map.*; no FLAIR",
    ),
    Case(
        "No magnitude",
        "works, with a warning: the QSM itself guides the registration",
        remove("magnitude"),
        "magnitude: none found; the QSM itself guides",
    ),
    Case(
        "Two FLAIRs",
        REFUSED + "both are named, and the option that chooses",
        copied("flair", "sub-01_acq-2d_FLAIR.nii.gz"),
        r"2 files fit 'flair': .*sub-01_FLAIR.*acq-2d_FLAIR.*--bids-filter-file",
    ),
    Case(
        "Two QSMs",
        REFUSED + "both are named, and the option that chooses",
        copied("qsm", "sub-01_acq-medi_Chimap.nii.gz"),
        r"2 files fit 'qsm': .*sub-01_Chimap.*acq-medi_Chimap.*--qsm-acq",
    ),
    Case(
        "A repeated run",
        "works, with a warning: the last run is taken",
        copied("flair", "sub-01_run-2_FLAIR.nii.gz"),
        r"flair: of 2 runs or copies sub-01_run-2_FLAIR\.nii\.gz was taken",
    ),
    Case("Copies, backups and files of the desktop beside the images", "works", other_files),
    Case(
        "A QSM that git-annex has not fetched (dangling link)",
        MISSING + "fetch it first",
        in_place_of_the_qsm(lambda path: path.symlink_to("../../.git/annex/objects/x/MD5E-s9--0.nii.gz")),
        r"sub-01_Chimap\.nii\.gz is a link without content; run 'datalad get'",
    ),
    Case(
        "A QSM that git-annex has not fetched (pointer file)",
        MISSING + "fetch it first",
        in_place_of_the_qsm(lambda path: path.write_text("/annex/objects/MD5E-s9--0.nii.gz\n")),
        r"sub-01_Chimap\.nii\.gz is a git-annex pointer without content; run 'datalad get'",
    ),
    Case(
        "A file that is a link to itself",
        MISSING + "a link without content",
        in_place_of_the_qsm(lambda path: path.symlink_to(path.name)),
        r"sub-01_Chimap\.nii\.gz is a link without content",
    ),
    Case(
        "A folder in place of the QSM",
        REFUSED + "no regular file",
        in_place_of_the_qsm(lambda path: path.mkdir()),
        r"sub-01_Chimap\.nii\.gz is no regular file",
    ),
    Case(
        "A named pipe in place of the QSM",
        REFUSED + "no regular file; nothing waits for it",
        in_place_of_the_qsm(lambda path: os.mkfifo(path)),
        r"sub-01_Chimap\.nii\.gz is no regular file",
    ),
    Case(
        "An `anat` folder that is a link to itself",
        MISSING + "the folder cannot be listed",
        folder_of_links_to_itself,
        r"anat cannot be listed",
    ),
    Case(
        "A derivative that is a link to the dataset itself",
        "works",
        beside_root("derivatives/loop", ".."),
        alone=True,
    ),
    Case(
        "A participant folder that is a link to itself",
        MISSING + "the folder cannot be listed; other participants are done",
        beside_root("sub-09", "sub-09"),
        r"sub-09.* cannot be listed",
        alone=True,
    ),
    Case(
        "A participant folder that is a link to nowhere",
        MISSING + "no image; other participants are done",
        beside_root("sub-09", "/no/such/disk/sub-09"),
        r"sub-09: no image in any dataset searched",
        alone=True,
    ),
    Case(
        "A file named like a participant folder",
        "works",
        lambda files: (files.root / "sub-09").touch(),
        alone=True,
    ),
    Case(
        "A derivative that is a link to nowhere",
        "works",
        beside_root("derivatives/gone", "/no/such/x"),
        alone=True,
    ),
    Case(
        "A participant label with a space",
        REFUSED + "labels are letters and digits",
        second_subject("01 b"),
        r"'sub-01 b'.*" + ODD,
        alone=True,
    ),
    Case(
        "A participant label with an umlaut",
        REFUSED + "labels are letters and digits",
        second_subject("Jürgen"),
        r"'sub-Jürgen'.*" + ODD,
        alone=True,
    ),
    Case(
        "A participant label of two dots",
        REFUSED + "labels are letters and digits",
        second_subject(".."),
        r"'sub-\.\.'.*" + ODD,
        alone=True,
    ),
    Case(
        "A participant label with markup and quotes",
        REFUSED + "labels are letters and digits",
        second_subject("<img src=x onerror='alert(1)'>"),
        r"sub-<img src=x.*" + ODD,
        alone=True,
    ),
    Case(
        "A participant label of two lines",
        REFUSED + "labels are letters and digits",
        second_subject("0\n1"),
        r"'sub-0\\n1'.*" + ODD,
        alone=True,
    ),
    Case(
        "A session label with a space",
        REFUSED + "labels are letters and digits",
        odd_session,
        r"'ses-week 3'.*" + ODD,
    ),
    Case(
        "A dataset below a folder with spaces and brackets",
        "works",
        moved_to("my data (1) [new]"),
        alone=True,
    ),
    Case("A dataset below a folder with unicode", "works", moved_to("données_Übung_数据"), alone=True),
    Case(
        "A dataset below a folder with quotes and markup",
        "works",
        moved_to('it\'s "<b>" & $HOME `id`'),
        alone=True,
    ),
    Case(
        "A dataset below a folder with per cent and braces",
        "works",
        moved_to("100% {done} %s \\n"),
        alone=True,
    ),
    Case(
        "A derivative named with markup",
        "works",
        derivatives_named("<img src=x onerror=alert(1)>"),
        alone=True,
    ),
]
ROWS = rows(SECTION, CASES, "robustness/test_folders_and_names.py::test_folder_or_name")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", named(CASES))
def test_folder_or_name(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")
