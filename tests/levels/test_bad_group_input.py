"""Data that cannot be learnt from: one sentence, exit code 65, and nothing in the output folder changes."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from qsmrim_app.bids_io.names import session_path
from qsmrim_app.bids_io.tables_io import read_lesion_table, write_lesion_table
from qsmrim_app.cli import main
from qsmrim_app.levels.distinct_participants import require_distinct_participants
from qsmrim_app.levels.gathering import gather
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.lesion_samples import read_samples, samples_to_bytes
from qsmrim_app.tables.lesion_table import lesion_table
from tests.levels.phantom_outputs import write_outputs_of

A, B = ("01", "02", "03"), ("05", "06")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    write_outputs_of(folder / "a", A)
    write_outputs_of(folder / "b", B)
    return folder


@pytest.fixture
def place(measured, tmp_path) -> Path:
    """Two sites, a dataset, and an output folder with what an earlier run left."""
    for site in "ab":
        shutil.copytree(measured / site, tmp_path / site)
    (tmp_path / "bids").mkdir()
    (tmp_path / "out" / "models" / "aprl-rf").mkdir(parents=True)
    (tmp_path / "out" / "models" / "aprl-rf" / "model.json").write_text("of an earlier run")
    (tmp_path / "out" / "group_lesions.tsv").write_text("of an earlier run")
    described = {"Name": "q", "BIDSVersion": "1.11.1", "GeneratedBy": [{"Name": "qsmrim"}]}
    (tmp_path / "out" / "dataset_description.json").write_text(json.dumps(described))
    return tmp_path


def table_path(site: Path, subject: str) -> Path:
    return site / session_path(SessionKey(subject), "lesions", ".tsv")


def samples_path(site: Path, subject: str) -> Path:
    return site / session_path(SessionKey(subject), "samples", ".safetensors")


def change_samples(site: Path, **changes) -> None:
    for subject in B:
        path = samples_path(site, subject)
        path.write_bytes(samples_to_bytes(replace(read_samples(path), **changes)))


def change_status(place: Path, status: Callable[[str], int | None]) -> None:
    for site, subjects in (("a", A), ("b", B)):
        for subject in subjects:
            table = read_lesion_table(table_path(place / site, subject))
            rim = dict.fromkeys(table.keys(), status(subject))
            write_lesion_table(table_path(place / site, subject), table.with_columns({"rim_expert": rim}))


def no_labels(place: Path) -> None:
    change_status(place, lambda _: None)


def no_rims(place: Path) -> None:
    change_status(place, lambda _: 0)


def only_rims(place: Path) -> None:
    change_status(place, lambda _: 1)


def rims_of_one_subject(place: Path) -> None:
    change_status(place, lambda subject: int(subject == "02"))


def another_grid(place: Path) -> None:
    change_samples(place / "b", spacing_mm=(1.0, 1.0, 1.0))


def another_order_of_features(place: Path) -> None:
    names = read_samples(samples_path(place / "b", "05")).feature_names
    change_samples(place / "b", feature_names=names[::-1])


def fewer_features(place: Path) -> None:
    for subject in B:
        path = samples_path(place / "b", subject)
        samples = read_samples(path)
        less = replace(samples, feature_names=samples.feature_names[:-1], features=samples.features[:, :-1])
        path.write_bytes(samples_to_bytes(less))


def another_bin_width(place: Path) -> None:
    change_samples(place / "b", bin_width_ppb=5.0)


def settings_of_another_bin_width(place: Path) -> None:
    (place / "settings.toml").write_text("[detector.radiomics]\nbin_width_ppb = 5.0\n")


def settings_of_another_margin(place: Path) -> None:
    (place / "settings.toml").write_text("[detector.patch]\nmargin_mm = 0.0\n")


def another_engine(place: Path) -> None:
    change_samples(place / "b", engine="pyradiomics 0")


def one_participant_in_both_sites(place: Path) -> None:
    shutil.copytree(place / "a" / "sub-02", place / "b" / "sub-02")


def one_participant_under_two_names(place: Path) -> None:
    """All of it is renamed: the files, and what they say inside."""
    shutil.copytree(place / "a" / "sub-02", (place / "a" / "sub-77"))
    for path in sorted((place / "a" / "sub-77").rglob("sub-02*")):
        path.rename(path.with_name(path.name.replace("sub-02", "sub-77")))
    samples = read_samples(samples_path(place / "a", "77"))
    keys = tuple(("77", session, index) for _, session, index in samples.keys)
    samples_path(place / "a", "77").write_bytes(samples_to_bytes(replace(samples, keys=keys)))
    table = read_lesion_table(table_path(place / "a", "77"))
    rows = [{str(name): value for name, value in row.items()} for row in table.frame.to_dict("records")]
    write_lesion_table(table_path(place / "a", "77"), lesion_table([row | {"subject": "77"} for row in rows]))


def one_participant_under_two_names_and_outlines(place: Path) -> None:
    """As a second outlining of a cohort with new pseudonyms would have it: no patch is the same."""
    one_participant_under_two_names(place)
    path = samples_path(place / "a", "77")
    samples = read_samples(path)
    path.write_bytes(samples_to_bytes(replace(samples, patches=samples.patches * 1.01)))


def one_participant_under_two_outlines_without_maps(place: Path) -> None:
    """As the two outputs of ``qsmrim-simulate --samples-dir`` have it: samples and tables alone."""
    one_participant_in_both_sites(place)
    path = samples_path(place / "b", "02")
    samples = read_samples(path)
    path.write_bytes(samples_to_bytes(replace(samples, patches=samples.patches * 1.01)))
    for image in place.glob("[ab]/sub-*/**/*.nii.gz"):
        image.unlink()


def a_variant_of_other_people(place: Path) -> None:
    """The labels are the same, as those of two studies that count from 1."""
    shutil.copytree(place / "a", place / "v")
    path = samples_path(place / "v", "02")
    path.write_bytes(samples_to_bytes(replace(read_samples(path), map_digest="0" * 32)))


def one_scan_in_two_sessions(place: Path) -> None:
    """A dataset that got session folders, analysed again into the same output."""
    old, new = place / "a" / "sub-02", place / "a" / "sub-02" / "ses-1"
    shutil.copytree(old / "anat", new / "anat")
    for path in sorted((new / "anat").iterdir()):
        path.rename(path.with_name(path.name.replace("sub-02_", "sub-02_ses-1_")))
    site, key = place / "a", SessionKey("02", "1")
    file = site / session_path(key, "samples", ".safetensors")
    samples = read_samples(file)
    keys = tuple(("02", "1", index) for _, _, index in samples.keys)
    file.write_bytes(samples_to_bytes(replace(samples, keys=keys, patches=samples.patches * 1.01)))
    path = site / session_path(key, "lesions", ".tsv")
    table = read_lesion_table(path)
    rows = [{str(name): value for name, value in row.items()} for row in table.frame.to_dict("records")]
    write_lesion_table(path, lesion_table([row | {"session": "1"} for row in rows]))


def samples_that_were_exchanged(place: Path) -> None:
    one, other = samples_path(place / "b", "05"), samples_path(place / "b", "06")
    first = one.read_bytes()
    shutil.copy(other, one)
    other.write_bytes(first)


def a_table_of_another_participant(place: Path) -> None:
    shutil.copy(table_path(place / "b", "05"), table_path(place / "b", "06"))


def in_the_table(old: str, new: str) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        path = table_path(place / "b", "06")
        header, row, *rest = path.read_text().splitlines()
        cells = row.split("\t")
        cells[header.split("\t").index(old)] = new
        path.write_text("\n".join([header, "\t".join(cells), *rest]) + "\n")

    return change


def in_the_header(**changes: object) -> Callable[[Path], None]:
    """The description that a file of samples carries, with other values."""
    return lambda place: change_header(place, lambda header: header | changes)


def not_in_the_header(name: str) -> Callable[[Path], None]:
    """The description of an earlier version, which did not say so much."""
    return lambda place: change_header(place, lambda header: {k: v for k, v in header.items() if k != name})


def change_header(place: Path, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    path = samples_path(place / "b", "06")
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["qsmrim"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, {"qsmrim": json.dumps(change(header))})


def not_finite(what: str) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        path = samples_path(place / "b", "06")
        samples = read_samples(path)
        values = getattr(samples, what).copy()
        values.flat[0] = float("inf")
        path.write_bytes(samples_to_bytes(replace(samples, **{what: values})))

    return change


def a_pipe_for_samples(place: Path) -> None:
    samples_path(place / "b", "06").unlink()
    os.mkfifo(samples_path(place / "b", "06"))


def a_label_without_a_lesion(place: Path) -> None:
    path = table_path(place / "b", "06")
    table = read_lesion_table(path)
    rows = [dict(row) for row in table.frame.to_dict("records")]
    more = rows[0] | {"index": 99, "name": "lesion-099", "rim_expert": 1}
    write_lesion_table(path, lesion_table([*rows, more]))


def a_sample_without_a_row(place: Path) -> None:
    path = table_path(place / "b", "06")
    table = read_lesion_table(path)
    write_lesion_table(path, type(table)(table.frame.iloc[1:]))


def no_samples(place: Path) -> None:
    samples_path(place / "b", "06").unlink()


def folds(*lines: str) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        (place / "folds.tsv").write_text("\n".join(("subject\tfold", *lines)) + "\n")

    return write


def settings_file(text: str) -> Callable[[Path], None]:
    return lambda place: (place / "settings.toml").write_text(text) and None


def no_folds(place: Path) -> None:
    folds()(place)


GOOD_FOLDS = ("a:01\t0", "a:sub-02\t0", "a:03\t1", "b:05\t1", "b:06\t1")
CASES = [
    (no_labels, (), "no lesion .* has an expert rim status"),
    (no_rims, (), "0 of 25 rated lesions are rim"),
    (only_rims, (), "25 of 25 rated lesions are rim"),
    (rims_of_one_subject, (), "without fold . there are 0 rim"),
    (another_grid, (), r"sub-05 in .*b and of sub-01 in .*a differ in spacing_mm \(\(1.0, 1.0, 1.0\) and"),
    (another_order_of_features, (), "sub-05 in .* the names or order of their features"),
    (fewer_features, (), r"their features \(526 and 527\)"),
    (another_engine, (), "engine"),
    (another_bin_width, (), r"sub-05 in .*b and of sub-01 in .*a differ in bin_width_ppb \(5.0 and 25.0\)"),
    (
        settings_of_another_bin_width,
        ("--config-file", "settings.toml"),
        "--train aprl-rf: .* features in bins of 5 ppb, those of the samples were computed with 25 ppb",
    ),
    (settings_of_another_margin, ("--config-file", "settings.toml"), "looks 0.0 mm .* made with 2.0 mm"),
    (one_participant_in_both_sites, (), "'a:02' and 'b:02' have the same image"),
    (one_participant_under_two_names, (), "'a:02' and 'a:77' have the same image"),
    (one_participant_under_two_names_and_outlines, (), "'a:02' and 'a:77' have the same image"),
    (one_participant_under_two_outlines_without_maps, (), "'a:02' and 'b:02' have the same image"),
    (
        a_variant_of_other_people,
        ("--mask-variant", "a:flair=v"),
        "mask variant 'flair': participant 'a:02' has one susceptibility map in v and another in a;",
    ),
    (one_scan_in_two_sessions, (), "'a:02' has the same susceptibility map in the sessions 'none' and '1'"),
    (a_label_without_a_lesion, (), r"sub-06.*lesion\(s\) \[99\] an expert rim status"),
    (a_sample_without_a_row, (), r"sub-06.*lesion\(s\) \[1\]"),
    (no_samples, (), "sub-06.*cannot be read as lesion samples"),
    (samples_that_were_exchanged, (), "sub-05.*safetensors holds lesions of sub-06, not of sub-05"),
    (a_table_of_another_participant, (), "sub-06.*tsv holds lesions of sub-05, not of sub-06"),
    (in_the_table("volume_mm3", "inf"), (), "sub-06.*tsv: .*volume_mm3 of row 1 is inf; expected a number"),
    (in_the_table("volume_mm3", "-3"), (), "volume_mm3 of row 1 is -3.0; expected a number from 0 to"),
    (in_the_table("p_rim", "1.5"), (), "p_rim of row 1 is 1.5; expected a number from 0 to 1"),
    (in_the_table("rim_expert", "2"), (), "rim_expert of row 1 is 2; expected 1 or 0"),
    (in_the_table("index", "9" * 20), (), "sub-06.*tsv: .*too large"),
    (in_the_header(keys="[["), (), "sub-06.*cannot be read as lesion samples .*run the participant level"),
    (in_the_header(keys=None), (), "sub-06.*cannot be read as lesion samples"),
    (in_the_header(margin_mm="two"), (), "sub-06.*cannot be read as lesion samples"),
    (in_the_header(feature_names="3"), (), "sub-06.*cannot be read as lesion samples"),
    (in_the_header(spacing_mm="[1, 2]"), (), "sub-06.*cannot be read as lesion samples"),
    (not_in_the_header("bin_width_ppb"), (), "sub-06.*bin_width_ppb: an earlier version .*run the partici"),
    (not_in_the_header("map_digest"), (), "sub-06.*map_digest: an earlier version .*run the participant"),
    (not_finite("patches"), (), "sub-06.*safetensors cannot be read .*not finite"),
    (not_finite("features"), (), "sub-06.*safetensors cannot be read .*not finite"),
    (a_pipe_for_samples, (), "sub-06.*no regular file"),
    (folds(*GOOD_FOLDS[1:], "a:01\t1e300"), ("--folds", "folds.tsv"), "fold is '1e300'"),
    (folds(*GOOD_FOLDS[1:]), ("--folds", "folds.tsv"), r"no fold for 1 subject\(s\): a:01"),
    (folds(*GOOD_FOLDS, "04\t0"), ("--folds", "folds.tsv"), r"names 1 subject\(s\): 04, .*'a:01' is"),
    (folds(*GOOD_FOLDS, "a:01\t0"), ("--folds", "folds.tsv"), "line 7: subject 'a:01' stands twice"),
    (folds(*GOOD_FOLDS, "a:01\t1"), ("--folds", "folds.tsv"), "stands in the folds 0 and 1"),
    (no_folds, ("--folds", "folds.tsv"), "has no rows"),
    (
        settings_file("[detector.patch]\nqsm_zero = 'as-stored'"),
        ("--config-file", "settings.toml"),
        "calls the 'as-stored' susceptibility 0, .*'brain-median'; run the participant level again, or give",
    ),
    (
        settings_file("[detector.patch]\nshape_vox = [8, 8, 8]"),
        ("--config-file", "settings.toml"),
        r"looks at patches of \(8, 8, 8\) voxels, not",
    ),
]


@pytest.mark.parametrize(
    ("spoil", "more", "said"), CASES, ids=[f"{n}_{case[2][:40]}" for n, case in enumerate(CASES)]
)
def test_wrong_data_get_a_sentence_and_change_nothing(spoil, more, said, place, capsys, monkeypatch):
    spoil(place)
    monkeypatch.chdir(place)
    before = {path: path.read_bytes() for path in (place / "out").rglob("*") if path.is_file()}
    words = ["bids", "out", "group", "--site", "a=a", "b=b", "--train", "aprl-rf", "--folds", "2", *more]
    capsys.readouterr()
    assert main(words) == 65
    told = capsys.readouterr().err.splitlines()
    assert not any("Traceback" in line for line in told)
    (sentence,) = [line for line in told if line.startswith("qsmrim: ")]
    assert re.search(said, sentence), sentence
    assert {path: path.read_bytes() for path in (place / "out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--seeds", "-1"), "seed -1: expected a whole number from 0"),
        (("--site", "a\nb=a"), r"'a\\nb' is no name of a site"),
        (("--site", "raw=a"), "--site: the name 'raw' stands for bids_dir"),
        (("--train-only", "raw=b"), "--train-only: the name 'raw' stands for bids_dir"),
        (
            ("--site", "a=a", "--mask-variant", "a:b=c", "--train-only", "b=b"),
            "the name 'b' stands for two folders; give what only trains another one",
        ),
        (("--config-file", "settings.toml"), "settings.toml: .*feature_clip is -1.0; expected above 0"),
        (("--config-file", "batch.toml"), "batch.toml: .*batch_size is 1; expected a whole number from 2"),
        (
            ("--config-file", "gain.toml"),
            "gain.toml: .*qsm_gain: found 2 and 1; expected the lower one first",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_anything_is_read(
    more, said, place, capsys, monkeypatch
):
    monkeypatch.chdir(place)
    (place / "c").mkdir()
    (place / "settings.toml").write_text("[detector.training]\nfeature_clip = -1.0\n")
    (place / "batch.toml").write_text("[detector.training]\nbatch_size = 1\n")
    (place / "gain.toml").write_text("[detector.augmentation]\nqsm_gain = [2.0, 1.0]\n")
    assert main(["bids", "out", "group", "--train", "aprl-rf", *more]) == 64
    assert re.search(said, capsys.readouterr().err)


def test_an_output_that_is_no_folder_is_refused(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    (place / "file").touch()
    assert main(["bids", "file", "group"]) == 73
    assert "file cannot be made" in capsys.readouterr().err


def test_samples_without_their_lesion_table_are_named(place, monkeypatch, caplog):
    table_path(place / "b", "06").unlink()
    monkeypatch.chdir(place)
    assert main(["bids", "out", "group", "--site", "a=a", "b=b"]) == 0
    (said,) = [record.getMessage() for record in caplog.records if "no lesion table" in record.getMessage()]
    assert said.startswith("b/sub-06/")


def test_who_only_trains_is_not_held_out_under_another_name(place, monkeypatch, capsys):
    one_participant_under_two_outlines_without_maps(place)
    monkeypatch.chdir(place)
    words = "bids out group --site a=a --train-only b=b --train aprl-rf --folds 2"
    assert main(words.split()) == 65
    assert "'a:02' and 'b:02' have the same image" in capsys.readouterr().err


def test_who_only_trains_may_stand_under_two_outlines(place, monkeypatch):
    shutil.copytree(place / "b", place / "c")
    monkeypatch.chdir(place)
    words = "bids out group --site a=a --train-only b=b c=c --train aprl-rf --folds 2"
    assert main(words.split()) == 0


def test_other_outlines_and_sessions_of_a_participant_are_no_other_participant(measured, tmp_path):
    flair = write_outputs_of(tmp_path / "flair", A, "flair")
    gathered = gather({"": measured / "a"}, {"flair": flair})
    require_distinct_participants(gathered)
    maps = [{image.digest for image in part.images} for part in (gathered, gathered.variants["flair"])]
    assert maps[0] == maps[1]
    assert len(maps[0]) == len(A)
    require_distinct_participants(gather({"a": measured / "a", "b": measured / "b"}))
