import json
from dataclasses import replace

import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table, write_lesion_table
from qsmrim_app.errors import QsmrimError
from qsmrim_app.levels.gathering import gather
from qsmrim_app.levels.group import run_group
from qsmrim_app.levels.rated_lesions import rated_lesions
from qsmrim_app.plain_data import to_plain
from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.notices import RESEARCH_ONLY, SIMULATED_IMAGES, SIMULATED_TRAINING
from qsmrim_app.tables.lesion_samples import read_samples, samples_to_bytes
from qsmrim_app.tables.lesion_table import LesionTable
from tests.levels.phantom_outputs import SUBJECTS, content_of, group_settings, write_outputs_of
from tests.reports.builders import Tags


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory):
    return write_outputs_of(tmp_path_factory.mktemp("page") / "out", SUBJECTS)


def _cells(path):
    head, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def _without_ratings(folder, subject, indices=None):
    """Take the experts' rim status from lesions of a subject; from all by default."""
    path = folder / f"sub-{subject}/anat/sub-{subject}_space-Chimap_desc-lesions_dseg.tsv"
    frame = read_lesion_table(path).frame.copy()
    rows = frame["index"].isin(frame["index"] if indices is None else indices)
    frame.loc[rows, ["rim_expert", "rim_truth", "rim_rater1", "rim_rater2"]] = None
    write_lesion_table(path, LesionTable(frame))


def test_gathering_alone_leaves_tables_figures_and_a_page(output_dir, tmp_path):
    out = tmp_path / "out"
    asked = group_settings(out, train=(), sites={"a": output_dir})
    (asked.bids_dir / "sub-99").mkdir()
    (asked.bids_dir / "sub-01").mkdir()
    logs = output_dir / "logs"
    logs.mkdir(exist_ok=True)
    (logs / "status-sub-77.json").write_text(
        json.dumps({"state": "failed", "exit_code": 65, "reason": "no <FLAIR>"})
    )
    said = run_group(asked)
    assert f"page: {out / 'group.html'}" in said
    rows = {row["subject"]: row for row in _cells(out / "group_rimcounts.tsv")}
    assert set(rows) == {"a:01", "a:02", "a:03", "a:04", "a:77", "a:99"}
    assert rows["a:77"]["outcome"] == "failed"
    assert rows["a:77"]["reason"] == "no <FLAIR>"
    assert (rows["a:99"]["outcome"], rows["a:99"]["n_lesions"]) == ("no_output", "n/a")
    assert [rows["a:01"][name] for name in ("n_lesions", "n_rated", "n_rim_expert", "fold")] == [
        "5",
        "5",
        "2",
        "n/a",
    ]
    page = Tags((out / "group.html").read_text())
    assert "4 participants, 20 lesions, 8 rim+ (expert)" in page.text
    assert "no <FLAIR>" in page.text
    assert SIMULATED_IMAGES in page.text
    assert SIMULATED_TRAINING not in page.text  # nothing was trained, and no model predicted
    assert RESEARCH_ONLY in page.text
    assert {path.name for path in (out / "figures").iterdir()} == {
        "group_slice.png", "group_flow.png", "group_rim_counts.png", "group_lesions.png",
    }  # fmt: skip
    (logs / "status-sub-77.json").unlink()


def test_participants_who_are_not_in_the_raw_dataset_are_named(tmp_path):
    out = write_outputs_of(tmp_path / "out", SUBJECTS)
    asked = group_settings(out, train=())
    for subject in ("01", "02", "03"):
        (asked.bids_dir / f"sub-{subject}").mkdir()
    run_group(asked)
    said = "1 participant without a folder in the raw dataset (04): counted in every figure"
    assert said in Tags((out / "group.html").read_text()).text
    (asked.bids_dir / "sub-04").mkdir()
    run_group(asked)
    assert "without a folder in the raw dataset" not in Tags((out / "group.html").read_text()).text
    elsewhere = tmp_path / "elsewhere"  # the site of another place, whose dataset is not here
    run_group(
        group_settings(elsewhere, train=(), sites={"a": out, "b": write_outputs_of(tmp_path / "b", ("11",))})
    )
    assert (
        "The raw dataset of 2 sites is not there (a, b)" in Tags((elsewhere / "group.html").read_text()).text
    )


def test_after_training_the_page_shows_what_the_tables_say(output_dir, tmp_path):
    out = tmp_path / "out"
    run_group(group_settings(out, train=("aprl-rf",), sites={"a": output_dir}))
    page = Tags((out / "group.html").read_text())
    told = json.loads((out / "models/aprl-rf/evaluation.json").read_text())
    main = told["variants"]["main"]
    assert SIMULATED_TRAINING in page.text
    assert f"{main['pr_auc']['value']:.3f}" in page.text
    assert "Two raters" in page.text
    counts = _cells(out / "models/aprl-rf/counts.tsv")
    assert sum(float(row["n_rim_predicted"]) for row in counts) == main["tp"]["value"] + main["fp"]["value"]
    assert sum(float(row["n_rim_expert"]) for row in counts) == main["n_rim"]
    folds = {row["subject"]: row["fold"] for row in _cells(out / "folds.tsv")}
    assert {row["subject"]: row["fold"] for row in _cells(out / "group_rimcounts.tsv")} == folds
    lesions = _cells(out / "group_lesions.tsv")
    assert all(row["fold"] == folds[row["subject"]] for row in lesions)
    assert "fold" in json.loads((out / "group_lesions.json").read_text())
    assert {"group_curves_main.png", "group_counts_main.png", "group_examples_aprl-rf.png"} <= {
        path.name for path in (out / "figures").iterdir()
    }


def test_a_page_without_training_points_to_the_cards_of_an_earlier_one(output_dir, tmp_path):
    settings = group_settings(tmp_path / "out", train=("aprl-rf",), sites={"a": output_dir})
    run_group(settings)
    assert "Nothing was trained" not in (tmp_path / "out/group.html").read_text()
    run_group(replace(settings, train=()))
    assert (
        "Nothing was trained in this call. Models of an earlier one are in models/ (aprl-rf)"
        in Tags((tmp_path / "out/group.html").read_text()).text
    )


def test_models_and_figures_of_another_training_do_not_pass_for_this_one(output_dir, tmp_path):
    out = tmp_path / "out"
    settings = group_settings(out, train=("aprl-rf",), sites={"a": output_dir})
    run_group(settings)
    assert "also holds" not in Tags((out / "group.html").read_text()).text
    (out / "figures" / "group_photo.png").write_text("a user's own")
    run_group(replace(settings, train=("ablation-image",)))
    assert (
        "models/ also holds models of an earlier call (aprl-rf)."
        in Tags((out / "group.html").read_text()).text
    )
    figures = {path.name for path in (out / "figures").iterdir()}
    assert {"group_examples_ablation-image.png", "group_curves_main.png", "group_photo.png"} <= figures
    assert not any("aprl-rf" in name for name in figures)
    run_group(replace(settings, train=()))
    left = {path.name for path in (out / "figures").iterdir()}
    assert {"group_flow.png", "group_photo.png"} <= left
    assert not any("main" in name or "ablation-image" in name for name in left)


def test_a_training_that_breaks_off_leaves_no_page_of_the_former_cohort(output_dir, tmp_path, monkeypatch):
    settings = group_settings(tmp_path / "out", train=("aprl-rf",), sites={"a": output_dir})
    page = tmp_path / "out" / "group.html"
    run_group(settings)
    run_group(replace(settings, fit_share=(1, 2)))
    assert page.is_file()

    def broken(*_):
        raise QsmrimError("broken off")

    monkeypatch.setattr("qsmrim_app.levels.group.train_method", broken)
    with pytest.raises(QsmrimError, match="broken off"):
        run_group(replace(settings, sites={"b": output_dir}))
    assert (tmp_path / "out" / "group_lesions.tsv").read_text().count("b:01")
    assert not page.exists()


def test_training_one_method_again_removes_the_comparison_of_former_models(output_dir, tmp_path):
    settings = group_settings(tmp_path / "out", train=("aprl-rf", "aprl-nn"), sites={"a": output_dir})
    assert "methods compared:" in run_group(settings)
    comparison = tmp_path / "out" / "models" / "comparison.tsv"
    assert comparison.is_file()
    assert "removed" not in run_group(replace(settings, train=("ablation-image",)))  # it stood in none
    assert comparison.is_file()
    told = run_group(replace(settings, train=("aprl-rf",)))
    assert f"removed {comparison}: it compared a former model of aprl-rf" in told
    assert not comparison.exists()
    assert not comparison.with_suffix(".json").exists()


def test_predictions_of_unknown_or_mixed_origin_are_said(tmp_path):
    site = write_outputs_of(tmp_path / "site", ("01", "02", "03"))
    for subject in ("01", "02", "03"):
        path = site / f"sub-{subject}/anat/sub-{subject}_space-Chimap_desc-lesions_dseg.tsv"
        frame = read_lesion_table(path).frame.copy()
        frame.loc[:, "rim_predicted"] = 0
        write_lesion_table(path, LesionTable(frame))
    run_group(group_settings(tmp_path / "out", train=(), sites={"a": site}))
    unknown = "Which model predicted the rim status of 3 sessions is not known"
    assert unknown in Tags((tmp_path / "out/group.html").read_text()).text

    model = ModelSummary("net", "1", "qsmrim-net", 3, "f1", 0.3, True)
    for subject, version in (("01", "0.1.0"), ("02", "0.2.0"), ("03", "0.2.0")):
        facts = {"app_version": version, "model": to_plain(model)}
        (site / "logs" / f"report-sub-{subject}.json").write_text(json.dumps(facts))
    run_group(group_settings(tmp_path / "out", train=(), sites={"a": site}))
    text = Tags((tmp_path / "out/group.html").read_text()).text
    assert "is not known" not in text
    assert "Results of qsmrim 0.1.0, 0.2.0 stand side by side; analyse all with one version." in text

    for subject, kind in (("01", "rigid"), ("02", "affine"), ("03", "rigid")):
        facts = {"app_version": "0.2.0", "model": to_plain(model), "methods": {"paragraphs": [kind]}}
        (site / "logs" / f"report-sub-{subject}.json").write_text(json.dumps(facts))
    run_group(group_settings(tmp_path / "out", train=(), sites={"a": site}))
    text = Tags((tmp_path / "out/group.html").read_text()).text
    assert "Results of runs with 2 different settings stand side by side" in text


def test_the_same_run_gives_the_same_bytes(output_dir, tmp_path):
    for name in ("one", "two"):
        run_group(group_settings(tmp_path / name, train=("aprl-rf",), sites={"a": output_dir}))
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")


def test_lesions_without_a_rating_are_counted_and_held_out_by_no_fold(tmp_path, caplog):
    caplog.set_level("INFO", "qsmrim_app")
    site = write_outputs_of(tmp_path / "site", SUBJECTS)
    _without_ratings(site, "01", [3, 5])
    assert rated_lesions(gather({"": site})).counts["main"].n_without_rating == 2
    out = tmp_path / "out"
    run_group(group_settings(out, train=("aprl-rf",), sites={"a": site}))
    told = json.loads((out / "models/aprl-rf/evaluation.json").read_text())
    assert told["data"]["main"]["n_without_rating"] == 2
    assert told["data"]["main"]["n_lesions"] == 18
    assert "2 without a rating" in caplog.text
    card = (out / "models/aprl-rf/README.md").read_text()
    assert "| main | 4 | 18 | 8 | 0 | 0 | 2 |" in card
    missing = [row for row in _cells(out / "group_lesions.tsv") if row["fold"] == "n/a"]
    assert [(row["subject"], row["index"]) for row in missing] == [("a:01", "3"), ("a:01", "5")]
    page = (out / "group.html").read_text()
    assert '<td>without a rating</td><td class="n">2</td>' in page


def test_without_experts_and_without_images_there_is_a_page(tmp_path):
    site = write_outputs_of(tmp_path / "site", ("01", "02"))
    for subject in ("01", "02"):
        _without_ratings(site, subject)
    for image in site.rglob("*.nii.gz"):
        image.unlink()
    run_group(group_settings(tmp_path / "out", train=(), sites={"a": site}))
    page = Tags((tmp_path / "out" / "group.html").read_text())
    assert "2 participants, 10 lesions, rim status unknown" in page.text
    assert not (tmp_path / "out" / "figures" / "group_slice.png").exists()


def test_examples_without_images_come_from_the_samples(tmp_path):
    site = write_outputs_of(tmp_path / "site", SUBJECTS)
    with_images, without = tmp_path / "with", tmp_path / "without"
    run_group(group_settings(with_images, train=("aprl-rf",), sites={"a": site}))
    for image in site.rglob("*.nii.gz"):
        image.unlink()
    run_group(group_settings(without, train=("aprl-rf",), sites={"a": site}))
    name = "figures/group_examples_aprl-rf.png"
    assert (without / name).read_bytes() != (with_images / name).read_bytes()


def test_a_subject_without_lesions_is_in_the_cohort(tmp_path):
    site = write_outputs_of(tmp_path / "site", ("01",))
    table = site / "sub-01/anat/sub-01_space-Chimap_desc-lesions_dseg.tsv"
    head = table.read_text().splitlines()[0]
    samples = table.with_name(table.name.replace("dseg.tsv", "samples.safetensors"))
    samples.write_bytes(samples_to_bytes(read_samples(samples).take([])))
    table.write_text(head + "\n")
    run_group(group_settings(tmp_path / "out", train=(), sites={"a": site}))
    page = Tags((tmp_path / "out" / "group.html").read_text())
    assert "1 participant, 0 lesions" in page.text
    assert "There is no lesion at all" in page.text
    (row,) = _cells(tmp_path / "out" / "group_rimcounts.tsv")
    assert (row["outcome"], row["n_lesions"], row["lesion_volume_mm3"]) == ("analysed", "0", "0")
