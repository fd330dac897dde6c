"""The options of ``qsmrim`` that say what the group level trains, and on whom."""

from __future__ import annotations

import argparse

from qsmrim_app.cli.values import count, fit_share, folds, model


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Methods, folds and sizes."""
    add = parser.add_argument_group("training (group level)").add_argument
    add(
        "--train",
        dest="train",
        nargs="+",
        action="extend",
        metavar="METHOD",
        help="methods to train, or all (default: none, gather only)",
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
        "--mask-variant",
        dest="mask_variants",
        nargs="+",
        action="extend",
        metavar="NAME=DIR",
        help="outputs for the same participants with other outlines of their lesions, such as flair=DIR: "
        "trained on together, scored apart; SITE:NAME=DIR with several sites (default: none)",
    )
    add(
        "--train-only",
        dest="train_only",
        nargs="+",
        action="extend",
        metavar="NAME=DIR",
        help="outputs for other participants that train every fit and are never scored, such as simulated "
        "ones beside your own (default: none)",
    )
    add(
        "--folds",
        dest="folds",
        type=folds,
        metavar="N|leave-one-site-out|FILE",
        help="cross-validation folds by subject: how many, one a site, or a table with the columns "
        "subject and fold, such as the folds.tsv of another run (default: 5)",
    )
    add(
        "--seeds",
        dest="seeds",
        nargs="+",
        action="extend",
        type=int,
        metavar="SEED",
        help="a member a seed (default: 0 1 2)",
    )
    add(
        "--pretrained",
        dest="pretrained",
        type=model,
        metavar="DIR|default",
        help="model whose weights every fit of a network starts from, as far as its parts fit; default: the "
        "one that ships with the app (default: none, training starts from nothing)",
    )
    add(
        "--fit",
        dest="fit_share",
        type=fit_share,
        metavar="K/N",
        help="make the K-th of N shares of the fits, as a task of a job array, and stop; the same command "
        "without it makes what lacks and gathers (default: all)",
    )
    add(
        "--strict-thresholds",
        dest="strict_thresholds",
        action="store_true",
        help="also score with thresholds from an inner split, at the price of a fit for every two folds "
        "(default: no)",
    )
    add("--epochs", dest="detector.training.epochs", type=count, metavar="N", help="(default: 40)")
    add(
        "--width",
        dest="detector.network.width",
        type=count,
        metavar="N",
        help="channels of the first stage; 64 is the paper's (default: 64)",
    )
    add("--batch-size", dest="detector.training.batch_size", type=count, metavar="N", help="(default: 64)")
