"""QSM, FLAIR, magnitude and brain mask of one session."""

from __future__ import annotations

from collections.abc import Sequence

from qsmrim_app.bids_io.choosing import Finding, choose, require_content
from qsmrim_app.bids_io.matching import best_matches, same_value, stated_space
from qsmrim_app.bids_io.role_filters import FILTER_FILE
from qsmrim_app.bids_io.session_files import BidsFile
from qsmrim_app.errors import MissingImageError
from qsmrim_app.settings import InputSettings


def find_qsm(files: Sequence[BidsFile], settings: InputSettings) -> Finding:
    """The susceptibility map.

    One without ``desc-`` comes before one with it, one of named ``--derivatives`` before the raw dataset;
    parts of a chi separation and maps in other spaces are none. Then `choose`.

    If there is none, an error is in it; where raw gradient echo data is, it names programs that make one.

    Raises
    ------
    AmbiguousInputError
        If several are left.
    MissingImageError
        If the one chosen has no content.
    """
    filters = dict(settings.bids_filters.get("qsm", {}))
    if settings.qsm_acq is not None:
        filters["acquisition"] = settings.qsm_acq.removeprefix("acq-")
    fitting = best_matches(files, "qsm", filters)
    if settings.derivatives:
        fitting = [file for file in fitting if not file.dataset.is_raw] or fitting
    if not fitting:
        return Finding("qsm", error=MissingImageError(_no_qsm(files, settings)))
    return choose("qsm", fitting, f"--qsm-acq, --derivatives or {FILTER_FILE}")


def find_flair(files: Sequence[BidsFile], settings: InputSettings) -> Finding:
    """The FLAIR: the raw one before any other, without contrast agent before with; none: an error in it.

    Raises
    ------
    AmbiguousInputError
        If several are left.
    MissingImageError
        If the one chosen has no content.
    """
    filters = settings.bids_filters.get("flair", {})
    raw = [file for file in files if file.dataset.is_raw]
    fitting = best_matches(raw, "flair", filters) or best_matches(files, "flair", filters)
    if not fitting:
        none = "no FLAIR (*_FLAIR.nii[.gz]); expected it in the raw dataset"
        return Finding("flair", error=MissingImageError(none))
    return choose("flair", fitting, f"{FILTER_FILE} (role flair)")


def find_magnitude(files: Sequence[BidsFile], settings: InputSettings, qsm: BidsFile) -> Finding:
    """The gradient echo magnitude that lies best with the QSM: its acquisition, its run, the first echo.

    Absent: the QSM itself is registered. Several that fit equally: the first by name, since it only guides
    the registration.

    Raises
    ------
    MissingImageError
        If the one chosen has no content.
    """
    filters = settings.bids_filters.get("magnitude", {})
    raw = [file for file in files if file.dataset.is_raw]
    fitting = best_matches(raw, "magnitude", filters) or best_matches(files, "magnitude", filters)
    if not fitting:
        return Finding("magnitude", notes=("magnitude: none found; the QSM itself guides the registration",))

    def distance(file: BidsFile) -> tuple[bool, bool, int, str]:
        return (
            file.entities.get("acquisition") != qsm.entities.get("acquisition"),
            not same_value(file.entities.get("run"), qsm.entities.get("run")),
            int(file.entities.get("echo") or 0),
            file.path.name,
        )

    chosen = min(fitting, key=distance)
    require_content(chosen)
    notes = tuple(
        f"magnitude: none shares the {name} of {qsm.path.name}; {chosen.path.name} was taken"
        for name, differs in zip(("acquisition", "run"), distance(chosen), strict=False)
        if differs and qsm.entities.get(name)
    )
    return Finding("magnitude", chosen, notes=notes)


def find_brain_mask(files: Sequence[BidsFile], settings: InputSettings, qsm: BidsFile) -> Finding:
    """A brain mask in the space of the QSM: by its ``space-``, or without one beside the QSM. Usually absent.

    Raises
    ------
    AmbiguousInputError
        If several are left.
    MissingImageError
        If it has no content.
    """
    filters = settings.bids_filters.get("brain_mask", {})
    fitting = best_matches(files, "brain_mask", filters)
    if not filters:  # without space- a brain mask of another dataset may lie in the space of a T1w
        fitting = [file for file in fitting if stated_space(file) or file.dataset == qsm.dataset]
    return choose("brain_mask", fitting, f"{FILTER_FILE} (role brain_mask)")


def _no_qsm(files: Sequence[BidsFile], settings: InputSettings) -> str:
    chosen = f" with acq-{settings.qsm_acq}" if settings.qsm_acq is not None else ""
    message = f"no susceptibility map{chosen} (*_Chimap.nii[.gz]) in the datasets searched"
    if best_matches(files, "gre", {}) and not settings.qsm_acq:
        return f"{message}, but raw gradient echo data: make one first, e.g. with QSMxT, SEPIA or MEDI"
    return f"{message}; name the dataset that holds it with --derivatives NAME=PATH"
