"""Measure a simulated cohort and write ``docs/simulation.md`` with its figures.

    python studies/simulation_report.py COHORT [--semireal ../shared/data] [--out docs]

It reads the files that ``qsmrim-simulate`` wrote and nothing of the simulator itself.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes, one core each

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from studies import cohort_files, figures, gathering
from studies.gathering import CohortMeasures, RealVolumes
from studies.lesion_pictures import draw_pictures
from studies.lesion_tables import volume_sets
from studies.markdown import write_generated
from studies.simulation_page import HEAD, report_text

N_MAPS = 24


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, draw, write."""
    options = _parser().parse_args(arguments)
    cohort = cohort_files.find_cohort(options.cohort)
    measures = gathering.measure_cohort(cohort, N_MAPS, options.nprocs)
    real = gathering.real_volumes(options.semireal / "lesion_shapes")
    folder = options.out / "images"
    draw_distributions(measures, real, folder)
    semireal = cohort_files.find_semireal(options.semireal)
    draw_pictures(measures, semireal, folder, options.nprocs)
    page = options.out / "simulation.md"
    write_generated(page, HEAD, report_text(measures, real, bool(semireal)))
    print(f"{measures.n} participants measured; wrote {page} and its figures")


def draw_distributions(measures: CohortMeasures, real: RealVolumes, folder: Path) -> None:
    """The figures of volumes, susceptibility by class and whole maps."""
    figures.save(figures.volume_figure(volume_sets(measures, real)), folder / "simulation-volumes.png")
    figures.save(figures.class_figure(measures.lesions), folder / "simulation-classes.png")
    figures.save(figures.profile_figure(measures.lesions), folder / "simulation-profile.png")
    figures.save(figures.map_figure(measures.maps), folder / "simulation-maps.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure a simulated cohort and write docs/simulation.md.")
    parser.add_argument("cohort", type=Path, help="folder that qsmrim-simulate wrote")
    parser.add_argument(
        "--semireal",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of real and semi-real data",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the page (default: docs)")
    parser.add_argument("--nprocs", type=int, default=2, help="processes (default: 2)")
    return parser


if __name__ == "__main__":
    main()
