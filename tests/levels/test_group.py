import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.detectors.registry import DETECTORS, load_detector
from qsmrim_app.errors import InputError, NothingSelectedError, UsageError
from qsmrim_app.evaluation.folds import TRAIN_ONLY, split_rows
from qsmrim_app.levels.cross_validation import seeds_of
from qsmrim_app.levels.division import divide
from qsmrim_app.levels.evaluating import COMPARISON_COLUMNS
from qsmrim_app.levels.gathering import gather
from qsmrim_app.levels.group import run_group
from qsmrim_app.levels.held_out import HELD_OUT_COLUMNS
from qsmrim_app.levels.rated_lesions import VariantCounts, rated_lesions
from qsmrim_app.levels.sources import raw_session, variant_session
from qsmrim_app.settings import ForestSettings
from tests import phantoms
from tests.levels.phantom_outputs import SUBJECTS, content_of, group_settings, write_outputs_of


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory) -> Path:
    return write_outputs_of(tmp_path_factory.mktemp("group") / "out", SUBJECTS)


@pytest.fixture(scope="module")
def flair_dir(tmp_path_factory) -> Path:
    return write_outputs_of(tmp_path_factory.mktemp("variant") / "flair", SUBJECTS, "flair")


@pytest.fixture(scope="module")
def other_dir(tmp_path_factory) -> Path:
    return write_outputs_of(tmp_path_factory.mktemp("other") / "out", ("05", "06"))


def test_gathering_joins_samples_and_expert_status_by_key(output_dir):
    gathered = gather({"": output_dir})
    assert len(gathered.table) == len(gathered.samples) == 5 * len(SUBJECTS)
    assert gathered.is_simulated
    for key, rim in zip(gathered.samples.keys, gathered.samples.rim, strict=True):
        assert rim == phantoms.rim_truth()[key[2]]


def test_sites_keep_subjects_of_one_name_apart(output_dir):
    gathered = gather({"a": output_dir, "b": output_dir})
    assert len(gathered.table) == 10 * len(SUBJECTS)
    assert set(gathered.samples.subjects) == {f"{site}:{s}" for site in "ab" for s in SUBJECTS}


def test_rows_of_a_variant_stand_apart_under_a_session_that_names_it(output_dir, flair_dir):
    gathered = gather({"": output_dir}, {"flair": flair_dir})
    assert len(gathered.table) == 5 * len(SUBJECTS)
    flair = gathered.variants["flair"]
    assert {key[1] for key in flair.samples.keys} == {"+flair"}
    assert len(flair.table) == 4 * len(SUBJECTS)
    rated = rated_lesions(gathered)
    assert rated.variants.tolist() == ["main"] * 20 + ["flair"] * 16
    assert rated.counts["flair"] == VariantCounts(4, 16, 8, 0, 0, 0)
    assert rated.rim_counts() == dict.fromkeys(SUBJECTS, 2)  # not four


@pytest.mark.parametrize("session", ["", "01", "flair"])
def test_the_session_of_a_variant_leads_back(session):
    assert raw_session(variant_session(session, "flair"), "flair") == session
    assert variant_session(session, "main") == session


def test_variants_of_sites(output_dir, flair_dir):
    sites = {"a": output_dir, "b": output_dir}
    gathered = gather(sites, {"b:flair": flair_dir})
    assert set(gathered.variants["flair"].samples.subjects) == {f"b:{subject}" for subject in SUBJECTS}
    with pytest.raises(UsageError, match="SITE:flair"):
        gather(sites, {"flair": flair_dir})
    alone = gather({"a": output_dir}, {"flair": flair_dir})
    assert set(alone.variants["flair"].samples.subjects) == {f"a:{subject}" for subject in SUBJECTS}


def test_a_subject_that_only_a_variant_has_is_refused(output_dir, flair_dir, tmp_path):
    less = write_outputs_of(tmp_path / "out", SUBJECTS[:2])
    with pytest.raises(InputError, match=r"'flair' in .*\['03', '04'\]") as failure:
        gather({"": less}, {"flair": flair_dir})
    assert failure.value.exit_code == 65
    gathered = gather({"": output_dir}, {"flair": less})  # a variant may lack subjects
    assert rated_lesions(gathered).counts["flair"].n_subjects == 2


@pytest.mark.parametrize("name", ["main", "a b", "", "fl-air"])
def test_names_of_variants(name, output_dir, flair_dir):
    with pytest.raises(UsageError, match="letters and digits"):
        gather({"": output_dir}, {name: flair_dir})


def test_the_lesions_themselves_are_no_variant(output_dir):
    with pytest.raises(UsageError, match="the lesions themselves"):
        gather({"": output_dir}, {"flair": output_dir / "."})


def test_training_leaves_a_bundle_with_thresholds_from_held_out_subjects(output_dir, tmp_path):
    said = run_group(group_settings(output_dir))
    folder = output_dir / "models" / "qsmrim-net"
    model = load_detector(folder)
    assert set(model.info.operating_points) >= {"f1"}
    assert model.info.trained_on_simulation
    main = model.info.metrics["variants"]["main"]
    assert main["n_lesions"] == 20
    assert main["n_rim"] == 8
    assert main["tp"]["value"] + main["fn"]["value"] == 8
    assert main["fp"]["value"] + main["tn"]["value"] == 12
    samples = gather({"": output_dir}).samples
    assert model.predict_members(samples).shape == (20, 3)
    assert "simulated lesions" in said
    assert (folder / "README.md").read_text().count("imulated")
    assert len(read_lesion_table(output_dir / "group_lesions.tsv")) == 20
    told = json.loads((folder / "evaluation.json").read_text())
    assert told["variants"] == model.info.metrics["variants"]
    assert (folder / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_methods_and_outlines_are_trained_together_and_scored_apart(output_dir, flair_dir, tmp_path, caplog):
    caplog.set_level("INFO", "qsmrim_app")
    methods = ("qsmrim-net", "aprl-rf")
    asked = group_settings(
        tmp_path / "out",
        train=methods,
        sites={"a": output_dir},
        mask_variants={"flair": flair_dir},
        seeds=(0,),
    )
    said = run_group(asked)
    models = tmp_path / "out" / "models"
    for method in methods:
        told = json.loads((models / method / "evaluation.json").read_text())
        assert [told["variants"][name]["n_lesions"] for name in ("main", "flair")] == [20, 16]
        assert set(told["ratio_to_main"]["flair"]["pr_auc"]) == {"value", "low", "high", "n_draws"}
        rows = [line.split("\t") for line in (models / method / "held_out.tsv").read_text().splitlines()]
        assert rows[0] == list(HELD_OUT_COLUMNS)
        assert {row[2] for row in rows[1:]} == {"n/a"}  # the session as the output has it
        folds = {(row[1], row[4]) for row in rows[1:]}
        assert len(folds) == len(SUBJECTS)  # one fold a subject, whatever the outline
        assert len({row[1] for row in rows[1:] if row[0] == "flair"}) == len(SUBJECTS)
    lines = (models / "comparison.tsv").read_text().splitlines()
    assert lines[0].split("\t") == list(COMPARISON_COLUMNS)
    assert {tuple(line.split("\t")[:3]) for line in lines[1:]} == {(*methods, "main"), (*methods, "flair")}
    assert set(json.loads((models / "comparison.json").read_text())) == set(COMPARISON_COLUMNS)
    assert len(read_lesion_table(tmp_path / "out" / "group_lesions.tsv")) == 20
    assert "under other outlines (flair)" in said
    assert "36 rows (" in caplog.text
    assert caplog.text.count("3 fits to make, 0 already there") == 2


def test_a_method_of_one_member_takes_the_first_seed(output_dir):
    asked = group_settings(output_dir, seeds=(4, 5, 6))
    assert seeds_of("qsmrim-net", asked) == (4, 5, 6)
    assert seeds_of("aprl-rf", asked) == (4,)


def test_a_finished_fit_is_not_made_again_and_gives_the_same_model(output_dir):
    run_group(group_settings(output_dir))
    bundle = output_dir / "models" / "qsmrim-net"
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    fits = output_dir / "work" / "training" / "qsmrim-net"
    times = {path: path.stat().st_mtime_ns for path in fits.glob("*/model.json")}
    assert len(times) == 9
    run_group(group_settings(output_dir))
    assert {path: path.stat().st_mtime_ns for path in fits.glob("*/model.json")} == times
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


def test_what_cannot_be_trained_is_said(output_dir, tmp_path):
    with pytest.raises(UsageError, match="unknown method 'magic'"):
        run_group(group_settings(output_dir, train=("magic",)))
    with pytest.raises(NothingSelectedError, match="no lesion table"):
        run_group(group_settings(output_dir, sites={"empty": tmp_path}))


def test_without_methods_the_group_level_gathers(output_dir):
    assert "20 lesions gathered" in run_group(group_settings(output_dir, train=()))
    assert np.isfinite(read_lesion_table(output_dir / "group_lesions.tsv").frame["qsm_mean_ppb"]).all()


def test_what_only_trains_is_in_every_fit_and_in_no_figure(output_dir, other_dir, tmp_path):
    out = tmp_path / "out"
    asked = group_settings(
        out, train=("aprl-rf",), sites={"own": output_dir}, train_only={"extra": other_dir}
    )
    rated = rated_lesions(gather(asked.sites, None, asked.train_only))
    n_main = rated.counts["main"].n_lesions
    division = divide(asked, rated)
    assert division.fold_of["extra:05"] == TRAIN_ONLY
    assert sum(rated.rim_counts().values()) == rated.counts["main"].n_rim
    for fold in division.folds:
        training, held_out = split_rows(rated.samples.subjects, division.fold_of, fold)
        assert training[~rated.is_scored].all()
        assert not held_out[~rated.is_scored].any()
    text = run_group(asked)
    folder = out / "models" / "aprl-rf"
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert set(evaluation["variants"]) == {"main"}
    assert evaluation["data"]["extra"]["n_lesions"] == 10
    assert len((folder / "held_out.tsv").read_text().splitlines()) == n_main + 1
    assert "never held out (extra)" in text


def test_a_name_cannot_stand_for_two_folders(output_dir):
    with pytest.raises(UsageError, match="'flair' stands for two"):
        gather({"": output_dir}, {"flair": output_dir.parent}, {"flair": output_dir})
    with pytest.raises(UsageError, match="'flair' stands for two"):
        gather({"a": output_dir}, {"a:flair": output_dir.parent}, {"flair": output_dir})


def test_raters_sites_and_strict_thresholds_reach_evaluation_and_card(output_dir, other_dir, tmp_path):
    out = tmp_path / "out"
    asked = group_settings(
        out, train=("aprl-rf",), sites={"a": output_dir, "b": other_dir}, folds=3, strict_thresholds=True
    )
    run_group(asked)
    folder = out / "models" / "aprl-rf"
    told = json.loads((folder / "evaluation.json").read_text())
    main = told["variants"]["main"]
    raters = main["raters"]
    assert (raters["n_lesions"], raters["n_disagree"]) == (30, 6)  # the second rater misses lesion 4 of each
    assert raters["kappa"]["value"] == pytest.approx(cohen_kappa_score([1, 1, 0, 0, 0], [1, 0, 0, 0, 0]))
    assert raters["disagreement"]["tp"]["n_disagree"] + raters["disagreement"]["fn"]["n_disagree"] == 6
    assert set(main["threshold_modes"]) == set(told["thresholds_by_fold"])
    assert set(told["thresholds_by_fold"]["strict"]) == {"0", "1", "2"}
    assert [told["sites"]["main"][site]["n_lesions"] for site in "ab"] == [20, 10]
    rows = [line.split("\t") for line in (folder / "held_out.tsv").read_text().splitlines()]
    place = {name: column for column, name in enumerate(rows[0])}
    missed = {row[place["index"]] for row in rows[1:] if row[place["rim_rater1"]] != row[place["rim_rater2"]]}
    assert missed == {"4"}
    again = replace(asked, output_dir=tmp_path / "again", folds=str(out / "folds.tsv"))
    run_group(again)
    assert content_of(tmp_path / "again") == content_of(out)
    card = (folder / "README.md").read_text()
    for title in ("### Thresholds in other ways", "### Two raters", "### Sites"):
        assert title in card


def test_all_stands_for_every_method_and_the_log_says_what_it_costs(output_dir, tmp_path, caplog):
    small = group_settings(tmp_path / "x").detector
    detector = replace(
        small,
        network=replace(small.network, width=2),
        training=replace(small.training, epochs=1),
        forest=ForestSettings(n_trees=3),
    )
    with caplog.at_level("INFO"):
        run_group(
            group_settings(
                tmp_path / "out", train=("all",), sites={"a": output_dir}, seeds=(0,), detector=detector
            )
        )
    models = tmp_path / "out" / "models"
    assert {path.name for path in models.iterdir() if path.is_dir()} == set(DETECTORS)
    (said,) = [line for line in caplog.messages if line.startswith("expected: ")]
    assert all(f"{method} 3 x " in said for method in DETECTORS)
    logs = tmp_path / "out" / "logs" / "training"
    table = (logs / "rimnet" / "fold-1_seed-0.csv").read_text().splitlines()
    assert table[0].startswith("epoch,loss,learning_rate,seconds,seconds_left")
    assert table[1].startswith("1,")
    assert not (logs / "aprl-rf").exists()  # a forest has no epochs
    settings = json.loads((tmp_path / "out" / "logs" / "settings-group.json").read_text())
    assert settings["train"] == list(DETECTORS)
