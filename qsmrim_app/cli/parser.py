"""What can be said on the command line.

The destination of an option is the name of the setting it changes (``inputs.sessions``), so that this file is
the only map from words to settings; an option that is not given leaves the setting as it is.
"""

from __future__ import annotations

import argparse
import re
from importlib import metadata
from pathlib import Path

LEVELS = ("participant", "group")
_UNITS_GB = {"K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3}


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``qsmrim``."""
    parser = argparse.ArgumentParser(
        prog="qsmrim",
        description="Find chronic active (rim+) multiple sclerosis lesions on QSM and T2-FLAIR. "
        "For research, not for diagnosis.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("bids_dir", type=Path, help="folder of the BIDS dataset")
    parser.add_argument("output_dir", type=Path, help="folder of the results, a BIDS derivative dataset")
    parser.add_argument("level", help="participant: analyse each participant; group: gather, train, evaluate")
    parser.add_argument("--version", action="version", version=f"qsmrim {metadata.version('qsmrim')}")
    _add_input_options(parser)
    _add_preprocessing_options(parser)
    _add_detection_options(parser)
    _add_training_options(parser)
    _add_machine_options(parser)
    _add_run_options(parser)
    return parser


def build_simulation_parser() -> argparse.ArgumentParser:
    """The parser of ``qsmrim-simulate``."""
    parser = argparse.ArgumentParser(
        prog="qsmrim-simulate",
        description="Write a simulated BIDS dataset: FLAIR, magnitude, QSM, lesion masks and rater tables.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("output_dir", type=Path, help="folder of the dataset")
    parser.add_argument("--version", action="version", version=f"qsmrim {metadata.version('qsmrim')}")
    add = parser.add_argument
    add("--participants", dest="n_participants", type=int, metavar="N", help="how many (default: 1)")
    add("--seed", dest="seed", type=int, help="the same seed gives the same bytes (default: 0)")
    add("--rim-prevalence", dest="rim_prevalence", type=_share, metavar="P",
        help="share of lesions with a rim (default: 0.0425, the paper's)")  # fmt: skip
    add("--guarantee-rim", dest="guarantee_rim", action="store_true",
        help="every participant has at least one rim+ lesion (default: no)")  # fmt: skip
    add("--nprocs", dest="nprocs", type=_count, metavar="N", help="processes (default: 1)")
    add("--debug", dest="debug", action="store_true", help="show tracebacks")
    return parser


def _add_input_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("inputs").add_argument
    add(
        "--participant-label",
        dest="inputs.participants",
        nargs="+",
        metavar="LABEL",
        help="participants, with or without 'sub-', or one text file, a label a line (default: all)",
    )
    add(
        "--exclude-participant-label",
        dest="inputs.exclude_participants",
        nargs="+",
        metavar="LABEL",
        help="participants to leave out (default: none)",
    )
    add(
        "--session-label",
        "--session-id",
        dest="inputs.sessions",
        nargs="+",
        metavar="LABEL",
        help="sessions to analyse, with or without 'ses-' (default: all)",
    )
    add(
        "--bids-filter-file",
        dest="inputs.bids_filters",
        type=Path,
        metavar="FILE",
        help="JSON: role (qsm, flair, magnitude, lesions, raters, brain_mask) -> entities (default: none)",
    )
    add(
        "-d",
        "--derivatives",
        dest="inputs.derivatives",
        nargs="+",
        action="extend",
        metavar="NAME=PATH",
        help="datasets with QSM, lesions, raters; no other is searched (default: BIDS_DIR/derivatives/*)",
    )
    add(
        "--lesions-from",
        dest="inputs.lesions_from",
        metavar="NAME",
        help="the dataset whose lesion maps are used (default: the only one that has them)",
    )
    add(
        "--raters",
        dest="inputs.raters",
        metavar="NAME",
        help="the dataset whose tables give the experts' rim status (default: the only one)",
    )
    add(
        "--qsm-acq",
        dest="inputs.qsm_acq",
        metavar="LABEL",
        help="the acq- label of the QSM where a session has several (default: there is one)",
    )
    add(
        "--skip-bids-validation",
        dest="inputs.skip_validation",
        action="store_true",
        help="do not check dataset_description.json (default: check)",
    )


def _add_preprocessing_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("preprocessing").add_argument
    add(
        "--registration",
        dest="registration",
        metavar="KIND[,BACKEND]",
        help="FLAIR to QSM: rigid, affine or header; backend sitk or ants (default: rigid,sitk)",
    )
    add(
        "--analysis-voxel-size",
        dest="preprocessing.analysis_spacing_mm",
        nargs=3,
        type=float,
        metavar="MM",
        help="voxel size in mm of patches and features (default: the model's)",
    )


def _add_detection_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("detection").add_argument
    add(
        "--model",
        dest="model",
        type=Path,
        metavar="DIR|none",
        help="model bundle; none: measure only (default: the one that ships)",
    )
    add(
        "--operating-point",
        dest="operating_point",
        metavar="f1|high-sensitivity|P",
        help="where rim+ begins: a point of the model or a probability (default: f1)",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("training (group level)").add_argument
    add(
        "--train",
        dest="train",
        nargs="+",
        metavar="METHOD",
        help="methods to train (default: none, gather only)",
    )
    add(
        "--site",
        dest="sites",
        nargs="+",
        action="extend",
        metavar="NAME=DIR",
        help="participant-level outputs to learn from (default: OUTPUT_DIR)",
    )
    add(
        "--folds",
        dest="folds",
        type=_count,
        metavar="N",
        help="cross-validation folds by subject (default: 5)",
    )
    add("--seeds", dest="seeds", nargs="+", type=int, metavar="SEED", help="a member a seed (default: 0 1 2)")
    add("--epochs", dest="detector.training.epochs", type=_count, metavar="N", help="(default: 40)")
    add(
        "--width",
        dest="detector.network.width",
        type=_count,
        metavar="N",
        help="channels of the first stage; 64 is the paper's (default: 64)",
    )
    add("--batch-size", dest="detector.training.batch_size", type=_count, metavar="N", help="(default: 64)")


def _add_machine_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("machine").add_argument
    add(
        "--nprocs",
        dest="resources.nprocs",
        type=_count,
        metavar="N",
        help="processes (default: the cores this job may use)",
    )
    add(
        "--omp-nthreads",
        dest="resources.omp_nthreads",
        type=_count,
        metavar="N",
        help="threads of one preprocessing step (default: 1)",
    )
    add(
        "--mem",
        dest="resources.memory_gb",
        type=_memory,
        metavar="SIZE",
        help="memory with its unit, such as 8GB (default: what this job may use)",
    )
    add(
        "--device",
        dest="resources.device",
        metavar="auto|cpu|cuda[:N]",
        help="where the networks run (default: auto)",
    )
    add(
        "-w",
        "--work-dir",
        dest="work_dir",
        type=Path,
        metavar="DIR",
        help="intermediate files; kept, so that an interrupted run continues "
        "(default: OUTPUT_DIR/work, removed when all is done)",
    )
    add("--clean-workdir", dest="clean_workdir", action="store_true", help="empty the work folder at the end")
    add(
        "--use-plugin",
        dest="resources.nipype_plugin",
        type=Path,
        metavar="FILE",
        help="nipype plugin file (YAML) for the preprocessing nodes (default: processes on this machine)",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("run").add_argument
    add(
        "--config-file",
        dest="config_file",
        type=Path,
        metavar="FILE",
        help="TOML with settings by name; options on the command line win (default: none)",
    )
    add("--random-seed", dest="random_seed", type=int, metavar="N", help="(default: 0)")
    add("--dry-run", dest="dry_run", action="store_true", help="print which files match for whom, and stop")
    add(
        "--reports-only",
        dest="reports_only",
        action="store_true",
        help="make the reports anew from the outputs",
    )
    add(
        "--boilerplate-only", dest="boilerplate_only", action="store_true", help="write the methods text only"
    )
    add(
        "--stop-on-first-crash",
        dest="resources.stop_on_first_crash",
        action="store_true",
        help="stop at the first participant that fails (default: the others go on)",
    )
    add("-v", "--verbose", dest="verbose", action="count", help="more log lines")
    add("--debug", dest="debug", action="store_true", help="show tracebacks")
    add(
        "--notrack",
        dest="notrack",
        action="store_true",
        help="accepted without effect: nothing is ever tracked",
    )
    add("--bids-database-dir", dest="bids_database_dir", metavar="DIR", help="accepted without effect")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def _memory(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)\s*([KMGT])i?B?", text.strip(), flags=re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' needs a number and a unit, such as 8GB or 8000MB")
    return float(match[1]) * _UNITS_GB[match[2].upper()]
