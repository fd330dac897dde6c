from pathlib import Path

import pytest

from qsmrim_app.cli.call_settings import settings_of
from qsmrim_app.cli.group_call import check_group_file
from qsmrim_app.cli.machine import available_cores, available_memory_gb
from qsmrim_app.cli.main import _with_hyphens, main
from qsmrim_app.cli.parser import build_parser
from qsmrim_app.errors import UsageError
from qsmrim_app.plain_data import to_plain
from qsmrim_app.settings import GroupSettings, ParticipantSettings
from tests.bids_io.skeletons import complete, skeleton


def parse(*words: str) -> dict[str, object]:
    return vars(build_parser().parse_args(_with_hyphens(words)))


def participant(*words: str) -> ParticipantSettings:
    return settings_of(parse("in", "out", "participant", *words), ParticipantSettings)


def group(*words: str) -> GroupSettings:
    return settings_of(parse("in", "out", "group", *words), GroupSettings)


def test_options_change_the_setting_they_name(tmp_path):
    settings = participant(
        "--participant_label", "sub-01", "02", "--session-id", "ses-a", "--mem", "2000MB", "--nprocs", "3",
        "--operating-point", "0.3", "--radiomics-engine", "pyradiomics",
        "--registration", "affine,ants", "--derivatives", f"qsm={tmp_path}",
    )  # fmt: skip
    assert settings.bids_dir == Path("in")
    assert settings.inputs.participants == ("01", "02")
    assert settings.inputs.sessions == ("a",)
    assert settings.inputs.derivatives == {"qsm": tmp_path}
    assert settings.resources.memory_gb == pytest.approx(2.0)
    assert settings.resources.nprocs == 3
    assert settings.operating_point == "0.3"
    assert settings.radiomics_engine == "pyradiomics"
    assert (settings.preprocessing.registration, settings.preprocessing.backend) == ("affine", "ants")


def test_without_options_the_settings_keep_their_defaults():
    settings = participant()
    assert settings == ParticipantSettings(Path("in"), Path("out"), resources=settings.resources)
    assert settings.resources.nprocs == available_cores()


def test_the_command_line_wins_over_the_settings_file(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(
        'operating_point = "0.9"\n[preprocessing]\nregistration = "affine"\nn4_shrink_factor = 2\n'
    )
    settings = participant("--config-file", str(file), "--registration", "header")
    assert settings.operating_point == "0.9"
    assert settings.preprocessing.registration == "header"
    assert settings.preprocessing.n4_shrink_factor == 2


def test_participants_can_stand_in_a_file(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("sub-07\n08\n")
    assert participant("--participant-label", str(file)).inputs.participants == ("07", "08")


def test_the_group_level_has_its_own_settings():
    settings = group("--train", "qsmrim-net", "--width", "8")
    assert settings.train == ("qsmrim-net",)
    assert settings.detector.network.width == 8
    assert settings.mask_variants == {}
    with pytest.raises(UsageError, match="no setting 'train'"):
        participant("--train", "qsmrim-net")
    with pytest.raises(UsageError, match=r"no setting 'inputs' \(--participant-label\)"):
        group("--participant-label", "01")


def test_mask_variants_are_named_folders(tmp_path):
    words = ("--mask-variant", f"flair={tmp_path}", "--mask-variant", f"a:auto={tmp_path}")
    assert group(*words).mask_variants == {"flair": tmp_path, "a:auto": tmp_path}


def test_a_folder_is_not_the_word_that_it_is_called_by(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.toml").write_text('model = "none"\n')
    (tmp_path / "folders.toml").write_text('model = "./none"\n')
    for words in (["--model", "none"], ["--config-file", "words.toml"]):
        assert participant(*words).model == Path("none")
    for words in (["--model", "./none"], ["--model", "none/"], ["--config-file", "folders.toml"]):
        assert participant(*words).model == tmp_path / "none"
    assert group("--pretrained", "default").pretrained == Path("default")
    assert group("--pretrained", "./default").pretrained == tmp_path / "default"


def test_folds_are_a_number_a_word_or_a_file(tmp_path):
    file = tmp_path / "folds.tsv"
    file.write_text("subject\tfold\n")
    for words, expected in (
        ((), 5),
        (("--folds", "3"), 3),
        (("--folds", "leave-one-site-out"), "leave-one-site-out"),
        (("--folds", str(file)), str(file)),
    ):
        assert group("--train", "rimnet", *words).folds == expected


def test_a_share_of_the_fits_and_strict_thresholds():
    settings = group("--train", "rimnet", "--fit", "3/8", "--strict-thresholds")
    assert (settings.fit_share, settings.strict_thresholds) == ((3, 8), True)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["in", "out", "subject"], 17, "level 'subject' is unknown"),
        (["in", "out"], 64, "level"),
        (["in", "out", "participant", "--mem", "8"], 64, "needs a number and a unit"),
        (["in", "out", "participant", "--nprocs", "0"], 64, "not a whole number above 0"),
        (["in", "out", "participant", "--derivatives", "a=/no/such/folder"], 64, "is not a folder"),
        (["in", "out", "participant", "--registration", "elastic"], 64, "registration"),
        (["in", "out", "participant", "--no-such-option"], 64, "--no-such-option"),
        (["in", "out", "group", "--dry-run"], 64, "--dry-run"),
        (["in", "out", "group", "--folds", "0"], 64, "not a whole number above 0"),
        (
            ["in", "out", "group", "--folds", "leave_one_site_out"],
            64,
            "not 'leave-one-site-out', and no file",
        ),
        (["in", "out", "group", "--fit", "4/3"], 64, "no share K/N"),
        (["in", "out", "group", "--fit", "0/3"], 64, "no share K/N"),
        (["in", "out", "group", "--fit", "2"], 64, "no share K/N"),
        (["in", "out", "group", "--folds", "x" * 300], 64, "and no file"),
        (["in", "out", "group", "--folds", "3"], 64, "--folds says how methods are trained, and none is"),
        (
            ["in", "out", "group", "--epochs", "3", "--width", "8", "--strict-thresholds"],
            64,
            "--epochs, --width, --strict-thresholds say how methods are trained, and none",
        ),
        (["in", "out", "group", "--site", f"a=/{'x' * 300}"], 64, "is not a folder"),
        (["in", "out", "group", "--site", "=."], 64, "names no dataset"),
        (["in", "out", "participant", "--mem", "1.2.3GB"], 64, "needs a number and a unit"),
        (["in", "out", "participant", "--random-seed", "-1"], 64, "seed -1: expected a whole number from 0"),
        (
            ["in", "out", "participant", "--analysis-voxel-size", "1000", "1", "1"],
            64,
            "expected 0.1 to 20",
        ),
        (["in", "out", "participant", "--mem", "0GB"], 64, "no memory to work with"),
        (["in", "out", "participant", "--analysis-voxel-size", "1", "1", "nan"], 64, "no finite number"),
        (["/no/such/dataset", "out", "participant"], 16, "/no/such/dataset"),
    ],
)
def test_a_wrong_command_gets_one_sentence_and_its_code(words, code, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())  # nothing is written before the input is known to be good


def test_a_scalar_where_the_settings_file_should_have_a_table_is_refused(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("inputs = 'x'\n")
    with pytest.raises(UsageError, match=r"'inputs' is 'x'; expected a table"):
        participant("--config-file", str(file), "--participant-label", "01")


def test_help_names_every_default():
    text = build_parser().format_help()
    for option in ("--nprocs", "--operating-point", "--registration", "--model", "--device"):
        assert option in text
    assert text.count("default") >= 25


def test_memory_follows_cgroup_and_slurm(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("1000000000\n")
    assert available_memory_gb({}, (str(limit),)) == pytest.approx(1.0)
    limit.write_text("max\n")
    whole = available_memory_gb({}, (str(limit),))
    assert whole > 1.0
    assert available_memory_gb({"SLURM_MEM_PER_NODE": "512"}, ()) == pytest.approx(0.536870912)


def test_cores_follow_slurm():
    assert available_cores({"SLURM_CPUS_PER_TASK": "1"}) == 1
    assert available_cores({"SLURM_CPUS_PER_TASK": "many"}) >= 1


@pytest.mark.parametrize(("missing", "code"), [((), 0), (("02",), 0), (("01", "02"), 66)])
def test_a_dry_run_ends_in_an_error_where_nothing_can_be_analysed(missing, code, capsys, tmp_path):
    kept = [
        file
        for label in ("01", "02")
        for file in complete(label)
        if label not in missing or "FLAIR.nii" not in file
    ]
    skeleton(tmp_path, kept)
    assert main([str(tmp_path), str(tmp_path / "out"), "participant", "--dry-run"]) == code
    assert f"{2 - len(missing)} session(s) can be processed" in capsys.readouterr().out


def test_the_settings_that_a_run_leaves_in_its_logs_can_be_given_again(tmp_path):
    left = to_plain(GroupSettings(tmp_path, tmp_path / "out", ("qsmrim-net",)))
    check_group_file(left)
    left["detector"]["method"] = "rimnet"
    with pytest.raises(UsageError, match=r"detector\.method is no choice at the group level"):
        check_group_file(left)
