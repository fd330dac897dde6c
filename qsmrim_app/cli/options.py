"""The options of ``qsmrim``, in the groups in which ``--help`` shows them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import get_args

from qsmrim_app.cli.values import count, finite, memory_gb, model, path
from qsmrim_app.settings import RadiomicsEngine


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Which files play which role."""
    add = parser.add_argument_group("inputs").add_argument
    add(
        "--participant-label",
        dest="inputs.participants",
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="participants, with or without 'sub-', or one text file, a label a line (default: all)",
    )
    add(
        "--exclude-participant-label",
        dest="inputs.exclude_participants",
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="participants to leave out (default: none)",
    )
    add(
        "--session-label",
        "--session-id",
        dest="inputs.sessions",
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="sessions to analyse, with or without 'ses-' (default: all)",
    )
    add(
        "--bids-filter-file",
        dest="inputs.bids_filters",
        type=path,
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


def add_preprocessing_options(parser: argparse.ArgumentParser) -> None:
    """From raw images to the grid of the QSM."""
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
        type=finite,
        metavar="MM",
        help="voxel size in mm of patches and features (default: the model's)",
    )


def add_detection_options(parser: argparse.ArgumentParser) -> None:
    """Model and threshold."""
    add = parser.add_argument_group("detection").add_argument
    add(
        "--model",
        dest="model",
        type=model,
        metavar="DIR|none",
        help="model bundle; none: measure only (default: the one that ships)",
    )
    add(
        "--operating-point",
        dest="operating_point",
        metavar="f1|high-sensitivity|P",
        help="where rim+ begins: a point of the model or a probability (default: f1)",
    )
    add_radiomics_engine(add, "radiomics_engine")


def add_radiomics_engine(add: Callable[..., object], dest: str) -> None:
    """Which program computes the features."""
    add(
        "--radiomics-engine",
        dest=dest,
        choices=get_args(RadiomicsEngine),
        help="vectorised: all lesions at once; pyradiomics: the reference, the same values, slower "
        "(default: vectorised)",
    )


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Processes, memory, device, work folder."""
    add = parser.add_argument_group("machine").add_argument
    add(
        "--nprocs",
        dest="resources.nprocs",
        type=count,
        metavar="N",
        help="processes (default: the cores this job may use)",
    )
    add(
        "--omp-nthreads",
        dest="resources.omp_nthreads",
        type=count,
        metavar="N",
        help="threads of a network (default: 1); preprocessing takes one",
    )
    add(
        "--mem",
        dest="resources.memory_gb",
        type=memory_gb,
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
        type=path,
        metavar="DIR",
        help="intermediate files; kept, so that an interrupted run continues "
        "(default: OUTPUT_DIR/work, removed when all is done)",
    )
    add("--clean-workdir", dest="clean_workdir", action="store_true", help="empty the work folder at the end")
    add(
        "--use-plugin",
        dest="resources.nipype_plugin",
        type=path,
        metavar="FILE",
        help="nipype plugin file (YAML) for the preprocessing nodes (default: processes on this machine)",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Settings file, log and partial runs."""
    add = parser.add_argument_group("run").add_argument
    add(
        "--config-file",
        dest="config_file",
        type=path,
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
