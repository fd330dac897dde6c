"""What can be said on the command line.

The destination of an option is the name of the setting it changes (``inputs.sessions``), so that these files
are the only map from words to settings; an option that is not given leaves the setting as it is.
"""

from __future__ import annotations

import argparse
from importlib import metadata

from qsmrim_app.cli.exec_spec import PrintExecSpec
from qsmrim_app.cli.options import (
    add_detection_options,
    add_input_options,
    add_machine_options,
    add_preprocessing_options,
    add_radiomics_engine,
    add_run_options,
)
from qsmrim_app.cli.training_options import add_training_options
from qsmrim_app.cli.values import count, path, share

LEVELS = ("participant", "group")


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``qsmrim``."""
    parser = argparse.ArgumentParser(
        prog="qsmrim",
        description="Find chronic active (rim+) multiple sclerosis lesions on QSM and T2-FLAIR. "
        "For research, not for diagnosis.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("bids_dir", type=path, help="folder of the BIDS dataset")
    parser.add_argument("output_dir", type=path, help="folder of the results, a BIDS derivative dataset")
    parser.add_argument("level", help="participant: analyse each participant; group: gather, train, evaluate")
    parser.add_argument("--version", action="version", version=f"qsmrim {metadata.version('qsmrim')}")
    parser.add_argument(
        "--bids-exec-spec", action=PrintExecSpec, nargs=0, help="print the Boutiques descriptor and exit"
    )
    add_input_options(parser)
    add_preprocessing_options(parser)
    add_detection_options(parser)
    add_training_options(parser)
    add_machine_options(parser)
    add_run_options(parser)
    return parser


def option_of(setting: str) -> str:
    """How a setting is called on the command line of ``qsmrim``."""
    return next(action.option_strings[0] for action in build_parser()._actions if action.dest == setting)


def build_simulation_parser() -> argparse.ArgumentParser:
    """The parser of ``qsmrim-simulate``."""
    parser = argparse.ArgumentParser(
        prog="qsmrim-simulate",
        description="Write a simulated BIDS dataset: FLAIR, magnitude, QSM, lesion masks and rater tables.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("output_dir", type=path, help="folder of the dataset")
    parser.add_argument("--version", action="version", version=f"qsmrim {metadata.version('qsmrim')}")
    add = parser.add_argument
    add("--participants", dest="n_participants", type=int, metavar="N", help="how many (default: 1)")
    add("--seed", dest="seed", type=int, help="the same seed gives the same bytes (default: 0)")
    add("--rim-prevalence", dest="rim_prevalence", type=share, metavar="P",
        help="share of lesions with a rim (default: 0.0425, the paper's)")  # fmt: skip
    add("--guarantee-rim", dest="guarantee_rim", action="store_true",
        help="every participant has at least one rim+ lesion (default: no)")  # fmt: skip
    add("--protocol", dest="protocol", choices=("paper", "varied"),
        help="gradient-echo protocol: the paper's, or others mixed with it (default: paper)")  # fmt: skip
    add("--flair-masks", dest="flair_masks", choices=("merged", "split"),
        help="also write masks as drawn on FLAIR alone, derivatives/lesions-flair: lesions that touch are "
        "merged, or they and large ones are split (default: no)")  # fmt: skip
    add("--samples-dir", dest="samples_dir", type=path, metavar="DIR",
        help="also measure, as the participant level would with a good registration: DIR/faithful and "
        "DIR/flair, one for each kind of mask, are what 'group' reads (default: no)")  # fmt: skip
    add_radiomics_engine(add, "detector.radiomics.engine")
    add("--nprocs", dest="nprocs", type=count, metavar="N", help="processes (default: 1)")
    add("--debug", dest="debug", action="store_true", help="show tracebacks")
    return parser
