"""Train one model from one file of lesion samples, with torch, numpy and safetensors alone.

    python studies/fit_samples.py SAMPLES MODEL [--method NAME] [--seed N] [--leave-out SUBJECT ...]

SAMPLES is a file ``*_samples.safetensors`` whose lesions carry an expert rim status, such as the one that
``group --train`` leaves in ``<work>/training/<method>/``. MODEL becomes the folder of a model bundle; what
the model says of the subjects that were left out stands in ``MODEL/left_out.tsv``, the course of the training
in ``MODEL_epochs.csv``. A run that was interrupted goes on after its last epoch. ``aprl-rf`` also needs
scikit-learn and imbalanced-learn.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the sums of several threads differ in their last digits

import argparse
import ast
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.registry import DETECTORS, new_detector
from qsmrim_app.errors import InputError, QsmrimError
from qsmrim_app.learning.devices import choose_device
from qsmrim_app.levels.training_log import follow
from qsmrim_app.plain_data import with_values
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.tables.lesion_samples import LesionSamples, read_samples

COLUMNS = ("subject", "session", "index", "rim_expert", "logit")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, save, and say so; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("qsmrim_app").setLevel(logging.INFO)
    try:
        samples = read_samples(options.samples)
        settings = with_values(settings_for(samples, options.method), dict(options.set))
        device, _ = choose_device(options.device)
        model = fit(samples, settings, options, device)
    except QsmrimError as error:
        print(f"fit_samples: {error}", file=sys.stderr)
        return error.exit_code
    told = model.info.training
    print(f"{options.model}: {told['n_lesions']} lesions ({told['n_rim']} rim+), {options.method}")
    return 0


def fit(
    samples: LesionSamples, settings: DetectorSettings, options: argparse.Namespace, device: str
) -> RimDetector:
    """A model of one member, saved, with its scores of the subjects that it did not see."""
    left_out = np.isin(samples.subjects, options.leave_out)
    if absent := sorted(set(options.leave_out) - set(samples.subjects.tolist())):
        raise InputError(f"{options.samples} has no subject {absent[0]}; leave out subjects that it has")
    model, place = new_detector(settings), options.model
    model.fit(
        samples.take(~left_out),
        (options.seed,),
        device,
        follow(f"{settings.method}, seed {options.seed}", place.with_name(f"{place.name}_epochs.csv")),
        place.with_name(f"{place.name}.unfinished"),
    )
    model.save(place)
    if left_out.any():
        _write_scores(place / "left_out.tsv", model, samples.take(left_out), device)
    return model


def settings_for(samples: LesionSamples, method: str) -> DetectorSettings:
    """The settings of a method for patches as these samples have."""
    standard = DetectorSettings(method=method, spacing_mm=samples.spacing_mm)
    i, j, k = samples.patches.shape[2:]
    return with_values(
        replace(standard, network=replace(standard.network, n_features=len(samples.feature_names))),
        {
            "patch.shape_vox": (i, j, k),
            "patch.margin_mm": samples.margin_mm,
            "patch.qsm_zero": samples.qsm_zero,
            "radiomics.bin_width_ppb": samples.bin_width_ppb,
        },
    )


def _write_scores(path: Path, model: RimDetector, samples: LesionSamples, device: str) -> None:
    logits = model.predict_logits(samples, device)[:, 0]
    lines = ["\t".join(COLUMNS)]
    for (subject, session, index), rim, logit in zip(samples.keys, samples.rim, logits, strict=True):
        status = "n/a" if np.isnan(rim) else f"{rim:.0f}"
        lines.append(f"{subject}\t{session or 'n/a'}\t{index}\t{status}\t{logit:.6g}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is no NAME=VALUE, such as network.width=16")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train one model from one file of lesion samples.")
    parser.add_argument("samples", type=Path, help="a file of lesion samples with expert rim status")
    parser.add_argument("model", type=Path, help="folder of the model that is made")
    parser.add_argument(
        "--method", default="qsmrim-net", choices=tuple(DETECTORS), help="(default: qsmrim-net)"
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="SUBJECT", help="(default: none)")
    parser.add_argument(
        "--set",
        nargs="+",
        type=_setting,
        default=[],
        metavar="NAME=VALUE",
        help="settings, such as network.width=16 training.epochs=10 (default: the paper's)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
