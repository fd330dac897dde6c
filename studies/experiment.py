"""The experiment of the paper on a simulated cohort: all methods, the same folds and seeds for each.

    python studies/experiment.py SAMPLES [--name NAME] [--participants N] [--nprocs N] [--device cuda]
    python studies/experiment.py --page-only [--name NAME]

SAMPLES is what ``group`` reads: the folder of a participant run, or one of ``qsmrim-simulate --samples-dir``.
Each fit leaves a small table of its held-out lesions; a table that is there, of the same settings, folds and
data, is not made again. docs/NAME.md follows from the tables in studies/NAME alone, and its size stands in
studies/NAME.toml: ``experiment`` is small enough for a processor, ``experiment-paper-size`` asks for a GPU.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes, one core each

import argparse
import logging
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from qsmrim_app.bids_io.writing import write_bytes
from qsmrim_app.detectors.registry import DETECTORS
from qsmrim_app.errors import QsmrimError
from qsmrim_app.levels.cross_validation import seeds_of
from qsmrim_app.levels.fit_costs import CostQuestion
from qsmrim_app.levels.making_fits import make_fits
from qsmrim_app.plain_data import from_plain
from qsmrim_app.settings import GroupSettings
from studies.experiment_fits import (
    Experiment,
    ExperimentFit,
    make_fit,
    plan_experiment,
    read_experiment,
    to_make,
)
from studies.experiment_page import figure_file, page_figures, page_text
from studies.experiment_results import evaluate_methods
from studies.experiment_tables import read_method
from studies.markdown import write_generated

HEAD = """# The experiment of the paper, on simulated lesions

`make experiment SAMPLES=folder` trains every method that the paper compares, and its ablations, on a
simulated cohort: folds by participant, the same for all; the same patches, features, schedule and seeds. A
table holds one line a method, the published figure beside it where there is one.

**What this can show:** that every method can be trained, evaluated and compared with one command, and how
they differ on lesions whose rims were simulated. **What it cannot show:** how good any of them is on
patients. The published figures are of other people, other images and masks that were edited by hand; they
stand here so that the form of the tables can be recognised, not to be reached or beaten. The same schedule
for all was not tuned for any of them, which may favour some.

Folds, thresholds, curves and intervals are defined in [methods.md](methods.md); the tables of the fits,
from which everything below follows, are in [studies/{name}](../studies/{name}).

<!-- The part below is replaced by `make experiment`. -->
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the fits that lack, and write the page; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.config = options.config or ROOT / "studies" / f"{options.name}.toml"
    options.tables = options.tables or ROOT / "studies" / options.name
    options.work = options.work or ROOT / "work" / options.name
    if options.samples is None and not options.page_only:
        parser.error("say which samples, or --page-only")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("qsmrim_app").setLevel(logging.INFO)
    try:
        left = left_by_tables(options) if options.page_only else run(options)
    except QsmrimError as error:
        print(f"experiment: {error}", file=sys.stderr)
        return error.exit_code
    write_page(options, left)
    return 0


def run(options: argparse.Namespace) -> dict[str, int]:
    """Make the fits; how many of each method are still not there."""
    experiment = read_experiment(read_settings(options), options.samples, options.participants)
    planned = plan_experiment(experiment, options.methods, options.tables)
    make_missing(experiment, planned)
    remaining = [fit.detector.method for fit in to_make(planned).values()]
    return {method: remaining.count(method) for method in options.methods}


def make_missing(experiment: Experiment, planned: Mapping[str, ExperimentFit]) -> None:
    """Make every fit whose table is not there."""
    resources, missing = experiment.settings.resources, to_make(planned)
    print(f"{experiment.rated}; {len(missing)} of {len(planned)} fits to make")
    question = CostQuestion(list(missing.values()), experiment.rated.samples.subjects, resources)
    make_fits(missing, resources.nprocs, question, make_fit)


def left_by_tables(options: argparse.Namespace) -> dict[str, int]:
    """How many fits of each method have no table; whether the others fit the samples is not looked at."""
    settings = read_settings(options)
    assert isinstance(settings.folds, int)
    return {
        method: settings.folds * len(seeds_of(method, settings)) - len(read_method(options.tables / method))
        for method in options.methods
    }


def write_page(options: argparse.Namespace, left: dict[str, int]) -> None:
    """The page, of the methods whose fits are all there."""
    tables = {method: read_method(options.tables / method) for method in options.methods}
    complete = {method: own for method, own in tables.items() if own and not left.get(method)}
    if not complete:
        print("no method has all its fits; no page is written")
        return
    page = options.out / f"{options.name}.md"
    results = evaluate_methods(complete)
    for figure, png in page_figures(results).items():
        write_bytes(options.out / "images" / figure_file(options.name, figure), png)
    write_generated(page, HEAD.format(name=options.name), page_text(results, left, options.name))
    print(f"{sum(map(len, complete.values()))} fits of {len(complete)} methods; wrote {page}")


def read_settings(options: argparse.Namespace) -> GroupSettings:
    """What the configuration file says, for the group level's own settings."""
    plain = tomllib.loads(options.config.read_text(encoding="utf-8"))
    resources = {"nprocs": options.nprocs, "device": options.device, "memory_gb": options.memory_gb}
    places = {
        "bids_dir": str(options.samples),
        "output_dir": str(options.work),
        "train": list(options.methods),
    }
    return from_plain(GroupSettings, {**plain, **places, "resources": resources})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The experiment of the paper on a simulated cohort.")
    add = parser.add_argument
    add("samples", type=Path, nargs="?", help="folder with lesion tables and samples")
    add("--participants", type=int, metavar="N", help="the first N participants (default: all)")
    add("--methods", nargs="+", choices=tuple(DETECTORS), default=tuple(DETECTORS), help="(default: all)")
    add("--name", default="experiment", help="of the page and of its files (default: experiment)")
    add("--config", type=Path, help="settings file (default: studies/NAME.toml)")
    add("--tables", type=Path, help="where the tables of fits are kept (default: studies/NAME)")
    add("--work", type=Path, help="unfinished fits and logs (default: work/NAME)")
    add("--out", type=Path, default=ROOT / "docs", help="folder of the page (default: docs)")
    add("--nprocs", type=int, default=2, help="fits at once (default: 2)")
    add(
        "--memory-gb",
        type=float,
        default=8.0,
        help="memory that all may use; more gives a warning (default: 8)",
    )
    add("--device", default="cpu", help="cpu or cuda[:N] (default: cpu)")
    add("--page-only", action="store_true", help="write the page from the tables that are there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
