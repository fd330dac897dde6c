"""Run the App on two participants with real FLAIR and masks, and write ``docs/semireal.md``.

    python studies/semireal.py DATA OUT [--model DIR] [--out docs]

DATA holds ``semireal`` and ``semireal_truth``; OUT is the App's output folder. The participants are a test
set: nothing is chosen by what comes out here.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from studies.cohort_files import find_semireal
from studies.lesion_measures import Request, measure_participant
from studies.markdown import write_generated
from studies.semireal_pictures import draw_pictures
from studies.semireal_run import Model, read_table, run_app
from studies.semireal_tables import area_table, count_table, left_out_table, rim_table

HEAD = """# The model on semi-real participants

<!-- What these two participants are and what the figures mean: written by hand, here. The part below is
replaced by `make semireal-study`. -->
"""
_BODY = """Model `{name}` (sha256 of its `model.json`: `{sha}`). {statement}

Two participants, LJ07 and LJ19: real FLAIR and lesion outlines; susceptibility, and which lesions have a
rim, simulated by another program than the project's. Nothing is trained or chosen on them. **The figures say
nothing of patients.**

## How well the model ranks

{areas}

*Layer contrast*: mean of the lesion's outer one-voxel in-plane layer minus the mean of the rest, what a hand
could measure; on the masks that the App used (registered FLAIR masks) and on the true labels of the
simulation.

## Calls

{counts}

## Every rim+ lesion

{rims}

![Every rim+ lesion and the ten rim- lesions of highest probability](images/semireal-lesions.png)

*Masks as the App used them; verdict at the `{point}` threshold. FLAIR: Ljubljana MS database, Lesjak Ž et
al., Neuroinformatics 2018;16:51-63, CC-BY. QSM: simulated.*

## Not classified

{left_out}
"""
POINT = "f1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, score, draw, write."""
    options = _parser().parse_args(arguments)
    model = Model.read(options.model)
    run_app(options.data, options.output_dir, options.model, model)
    lesions = read_table(options.output_dir)
    true_masks = pd.DataFrame(
        [
            row
            for person in find_semireal(options.data)
            for row in measure_participant(Request(person, False, False)).lesions
        ]
    )
    picture = options.out / "images" / "semireal-lesions.png"
    draw_pictures(options.output_dir, lesions, model.operating_points[POINT], picture)
    write_generated(options.out / "semireal.md", HEAD, _report_text(model, lesions, true_masks))
    print(f"{len(lesions)} lesions; wrote {options.out / 'semireal.md'} and {picture}")


def _report_text(model: Model, lesions: pd.DataFrame, true_masks: pd.DataFrame) -> str:
    return _BODY.format(
        name=model.name,
        sha=model.sha256[:12],
        statement=model.statement,
        areas=area_table(lesions, true_masks),
        counts=count_table(lesions, model.operating_points),
        rims=rim_table(lesions, model.operating_points),
        point=POINT,
        left_out=left_out_table(lesions),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Score a model on the semi-real participants.")
    parser.add_argument("data", type=Path, help="folder that holds semireal and semireal_truth")
    parser.add_argument("output_dir", type=Path, help="output of the App; a complete one is used again")
    parser.add_argument("--model", type=Path, help="model folder (default: the App's)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the page (default: docs)")
    return parser


if __name__ == "__main__":
    main()
