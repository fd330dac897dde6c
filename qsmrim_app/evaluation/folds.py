"""Divide subjects into cross-validation folds: never a subject on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import InputError, UsageError

TRAIN_ONLY = -2  # the fold of a subject that trains always and is never held out
GROUP_UPPER_BOUNDS = (0, 3, 6)  # rim+ lesions a subject: 0, 1-3, 4-6, more


def assign_folds(
    n_rim_by_subject: Mapping[str, int], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Fold of every subject, stratified by the number of rim+ lesions: 0, 1-3, 4-6, more than 6.

    Within a group the subjects are shuffled and dealt out in turn, each group going on where the last one
    ended: the folds differ by at most one subject, overall and within each group. The order of the mapping
    does not matter.

    Parameters
    ----------
    n_rim_by_subject
        Rim+ lesions of each subject.
    n_folds
        At least 2, at most the number of subjects.
    rng
        Shuffles.

    Returns
    -------
    dict
        Subject -> fold 0 .. n_folds - 1, in sorted order of the subjects.

    Raises
    ------
    UsageError
        If the number of folds does not fit the number of subjects.
    """
    if not 2 <= n_folds <= len(n_rim_by_subject):
        raise UsageError(
            f"{n_folds} folds do not fit {len(n_rim_by_subject)} subjects; use 2 folds to one a subject"
        )
    subjects = sorted(n_rim_by_subject)
    groups = np.searchsorted(GROUP_UPPER_BOUNDS, [n_rim_by_subject[subject] for subject in subjects])
    dealt = [
        subjects[row]
        for group in np.unique(groups)
        for row in rng.permutation(np.nonzero(groups == group)[0])
    ]
    fold_of = {subject: place % n_folds for place, subject in enumerate(dealt)}
    return {subject: fold_of[subject] for subject in subjects}


def folds_of_sites(site_of: Mapping[str, str]) -> dict[str, int]:
    """Fold of every subject, one fold a site, numbered in sorted order of the sites.

    Raises
    ------
    InputError
        If there are fewer than two sites.
    """
    sites = sorted(set(site_of.values()))
    if len(sites) < 2:
        raise InputError(
            f"leaving one site out needs subjects with rated lesions from two sites, found {sites}; "
            "name them with --site NAME=DIR, or use a number of folds"
        )
    return {subject: sites.index(site) for subject, site in sorted(site_of.items())}


def split_rows(
    subjects: NDArray[np.str_], fold_of: Mapping[str, int], fold: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows train and which are held out in one fold.

    Parameters
    ----------
    subjects
        Subject of each row, shape (n,). Every one must have a fold.
    fold_of
        As from `assign_folds`.
    fold
        The fold to hold out.

    Returns
    -------
    tuple
        Two masks of shape (n,): training rows, held-out rows.
    """
    folds = folds_of_rows(subjects, fold_of)
    training, held_out = folds != fold, folds == fold
    assert not set(subjects[training].tolist()) & set(subjects[held_out].tolist()), "a subject on both sides"
    return training, held_out


def folds_of_rows(subjects: NDArray[np.str_], fold_of: Mapping[str, int]) -> NDArray[Any]:
    """Fold of each row, shape (n,).

    Raises
    ------
    UsageError
        If a subject has no fold.
    """
    missing = sorted(set(subjects.tolist()) - set(fold_of))
    if missing:
        raise UsageError(f"no fold is given for subject(s) {missing[:5]}")
    return np.array([fold_of[subject] for subject in subjects.tolist()], dtype=np.intp)
