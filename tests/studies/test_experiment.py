import json
import os

import numpy as np
import pytest

from qsmrim_app.errors import TableError
from studies import experiment
from studies.experiment_page import FIGURES, figure_file, page_text
from studies.experiment_results import evaluate_methods
from studies.experiment_tables import FitTable, is_made, out_of_fold, read_fit_table, write_fit_table
from tests.levels.phantom_outputs import SUBJECTS, write_outputs_of

CONFIG = """
folds = 2
seeds = [0, 1, 2]

[detector.network]
width = 2
radiomic_hidden = 8
embedding = 8
classifier_hidden = 4

[detector.training]
epochs = {epochs}
batch_size = 8

[detector.forest]
n_trees = 3
"""


def facts(method="qsmrim-net", fold=0, seed=0):
    return {
        "hash": f"{method}{fold}{seed}", "method": method, "fold": fold, "seed": seed, "n_folds": 2,
        "width": 8, "epochs": 6, "learning_rate": 0.001, "batch_size": 64, "cpu_seconds": 60.0,
        "hardware": "2 cores of a Z80",
    }  # fmt: skip


def fit_table(method="qsmrim-net", fold=0, seed=0, shift=0.0):
    """Five subjects a fold, four lesions each; every first one is a rim+, and stands out by 2 logits."""
    keys = tuple((f"{fold}{subject}", "", index) for subject in range(5) for index in range(4))
    rim = np.tile([1.0, 0.0, 0.0, 0.0], 5)
    noise = np.random.default_rng([fold, seed]).normal(size=20)
    return FitTable(facts(method, fold, seed), keys, rim, (2 - shift) * rim - 1 + noise)


def fits(method="qsmrim-net", seeds=(0, 1, 2), shift=0.0):
    return [fit_table(method, fold, seed, shift) for fold in (0, 1) for seed in seeds]


def test_a_table_leads_back(tmp_path):
    table = fit_table(seed=2)
    write_fit_table(tmp_path / "m" / "t.tsv", table)
    again = read_fit_table(tmp_path / "m" / "t.tsv")
    assert again.facts == table.facts
    assert again.keys == table.keys
    assert (again.rim == table.rim).all()
    assert again.logits == pytest.approx(table.logits, rel=1e-5)
    assert is_made(tmp_path / "m" / "t.tsv", "qsmrim-net02")
    assert not is_made(tmp_path / "m" / "t.tsv", "another")
    assert not is_made(tmp_path / "m" / "none.tsv", "qsmrim-net02")


@pytest.mark.parametrize("text", ["", "no table\n", "# {}\nsubject\n", '# {"hash": 1}\nsubject\n01\t1\n'])
def test_a_file_that_is_no_table_is_named(text, tmp_path):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(TableError, match=r"t\.tsv is no table of a fit"):
        is_made(tmp_path / "t.tsv", "x")


def test_held_out_lesions_of_all_folds_with_a_column_a_seed():
    found = out_of_fold(fits())
    assert found.logits.shape == (40, 3)
    assert found.folds.tolist() == [0] * 20 + [1] * 20
    assert (found.logits[20:, 1] == fit_table(fold=1, seed=1).logits).all()
    with pytest.raises(TableError, match="same seeds and lesions"):
        out_of_fold(fits()[:-1])


def test_the_page_has_ours_beside_the_published_figures_and_its_size_under_every_table():
    tables = {
        "qsmrim-net": fits(), "aprl-rf": fits("aprl-rf", (0,), 1.0), "ablation-image": fits("ablation-image"),
    }  # fmt: skip
    results = evaluate_methods(tables)
    text = page_text(results, {"rimnet": 15, "qsmrim-net": 0})
    size = (
        "Simulated lesions: 10 participants, 40 lesions (10 rim+); width 8, 6 epochs, learning rate 0.001, "
        "2 folds by participant, 3 seeds; 2 cores of a Z80."
    )
    assert text.count(f"*{size}*") == text.count("\n## ") == 6
    assert "`rimnet` 15" in text
    assert "another data set" in text
    row = next(line for line in text.splitlines() if line.startswith("| `qsmrim-net`"))
    figures = results["qsmrim-net"].figures
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1].startswith(f"{figures['pr_auc']['value']:.2f} (")
    assert (cells[2], cells[4], cells[6], cells[8]) == ("0.70", "0.76", "0.68", "~0.73")
    assert "| all | 14 |  | 14 |" in text  # fits, and minutes of a minute each
    assert page_text(results, {}).count("Not finished") == 0


def test_an_interrupted_experiment_goes_on_where_it_stopped(tmp_path, capsys):
    samples = write_outputs_of(tmp_path / "samples", SUBJECTS)
    tables, config = tmp_path / "tables", tmp_path / "c.toml"

    def run(epochs=2, *more):
        config.write_text(CONFIG.format(epochs=epochs))
        arguments = [samples, "--config", config, "--tables", tables, "--work", tmp_path / "work",
                     "--out", tmp_path / "docs", "--methods", "aprl-nn", "aprl-rf", *more]  # fmt: skip
        assert experiment.main([str(word) for word in arguments]) == 0
        return capsys.readouterr().out

    assert "8 of 8 fits to make" in run()
    files = sorted(tables.rglob("*.tsv"))
    assert [path.relative_to(tables).as_posix() for path in files] == [
        *[f"aprl-nn/fold-{fold}_seed-{seed}.tsv" for fold in (0, 1) for seed in (0, 1, 2)],
        "aprl-rf/fold-0_seed-0.tsv", "aprl-rf/fold-1_seed-0.tsv",
    ]  # fmt: skip
    first = read_fit_table(files[0])
    assert first.facts["cpu_seconds"] > 0
    assert len(first.keys) == 10
    assert first.facts["n_train"] == 10
    page = (tmp_path / "docs" / "experiment.md").read_text()
    assert "4 participants, 20 lesions (8 rim+); width 2, 2 epochs" in page
    for figure in FIGURES:
        name = figure_file("experiment", figure)
        assert f"](images/{name})" in page
        assert (tmp_path / "docs" / "images" / name).read_bytes().startswith(b"\x89PNG")
    before = {path: path.read_bytes() for path in files}
    os.remove(files[3])
    assert "1 of 8 fits to make" in run()
    lines = {path: path.read_text().splitlines() for path in files}
    assert lines[files[3]][1:] == before[files[3]].decode().splitlines()[1:]  # the same seed, the same scores
    assert (
        json.loads(lines[files[3]][0][2:])["hash"]
        == json.loads(before[files[3]].decode().splitlines()[0][2:])["hash"]
    )
    assert "0 of 8 fits to make" in run()
    page_only = [
        "--page-only", "--config", str(config), "--tables", str(tables), "--out", str(tmp_path / "other"),
        "--methods", "aprl-nn", "aprl-rf",
    ]  # fmt: skip
    assert experiment.main(page_only) == 0
    other = tmp_path / "other" / "experiment.md"
    assert other.read_text() == (tmp_path / "docs" / "experiment.md").read_text()
    assert experiment.main([*page_only, "--name", "larger"]) == 0
    larger = (tmp_path / "other" / "larger.md").read_text()
    assert "[studies/larger](../studies/larger)" in larger
    assert "](images/larger-curves.png)" in larger
    assert (tmp_path / "other" / "images" / "larger-curves.png").exists()
    os.remove(files[3])
    assert experiment.main(page_only) == 0
    assert "**Not finished:** fits still to be made: `aprl-nn` 1." in other.read_text()
    assert "| `aprl-rf` |" in other.read_text()
    assert "| `aprl-nn` |" not in other.read_text()
    capsys.readouterr()
    assert "8 of 8 fits to make" in run(1, "--participants", "3")


def test_no_samples_are_a_wrong_call(capsys):
    with pytest.raises(SystemExit):
        experiment.main([])
    assert "say which samples" in capsys.readouterr().err
