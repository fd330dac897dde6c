"""Whether the input can be what it is said to be: what is measured of it, judged, in words.

A finding that is not passed carries the sentence to warn with. Only what leaves no room for doubt is refused:
a map without negative values, and one in which both veins and deep grey matter are dark. Every limit lies
between all right and nearly all wrong inputs of simulated participants (decision 0041).
"""

from __future__ import annotations

import math
from pathlib import Path

from qsmrim_app.errors import InputError
from qsmrim_app.preprocessing.lesion_evidence import LesionEvidence
from qsmrim_app.preprocessing.qsm_evidence import QsmEvidence
from qsmrim_app.records import Finding

FEWEST_NEGATIVE = 0.02  # share of the brain; right maps have 0.4 or more
LEAST_VEIN_RATIO = 1.3
LEAST_DEEP_GREY_RATIO = 1.1
INVERTED = 0.8  # below it in both ratios the sign is wrong
MOST_COMPACT_ML = 5.0
SPREAD_PPB = (6.0, 100.0)
BRAIN_ML = (300.0, 2600.0)
LEAST_FLAIR_CONTRAST = 0.8
LEAST_MAGNITUDE_FIT = 1.3
LEAST_COVERED_SHARE = 0.9
T1W_CONTRAST = -0.5
LARGEST_LESION_SHARE = 0.12


def require_susceptibility(evidence: QsmEvidence, path: Path) -> None:
    """Pass silently if the map may be a susceptibility map of the right sign.

    Raises
    ------
    InputError
        If it has next to no negative values, or shows veins and deep grey matter dark.
    """
    how = 'to go on all the same, set preprocessing.implausible_qsm = "warn" in a settings file'
    if evidence.negative_share < FEWEST_NEGATIVE:
        raise InputError(
            f"{path}: {evidence.negative_share:.1%} of the brain is negative; a susceptibility map has "
            "negative values all over white matter, so this is another image (a magnitude?); give the Chimap "
            f"({how})"
        )
    if evidence.vein_ratio < INVERTED and evidence.deep_grey_ratio < INVERTED:
        raise InputError(
            f"{path}: veins and deep grey matter are darker than white matter, so the sign of the map is "
            "inverted; multiply it by -1, or reconstruct it with the phase of your scanner turned round; "
            f"look at the map before, for large calcifications are dark in a right one ({how})"
        )


def qsm_findings(evidence: QsmEvidence, name: str) -> tuple[Finding, ...]:
    """What a susceptibility map shows; ``name`` is that of its file."""
    return (
        _finding(
            "Veins of the QSM, bright over dark end",
            evidence.vein_ratio,
            f"{LEAST_VEIN_RATIO} or more: veins are bright; below 1 the sign may be inverted",
            evidence.vein_ratio >= LEAST_VEIN_RATIO,
            f"{name}: veins are not brighter than the darkest tissue (bright over dark end "
            f"{evidence.vein_ratio:.2f}, {LEAST_VEIN_RATIO} or more is usual): the sign may be inverted, or "
            "this is a field map; the results are not to be relied on until that is clear",
        ),
        _finding(
            "Deep grey matter of the QSM, bright over dark patches",
            evidence.deep_grey_ratio,
            f"{LEAST_DEEP_GREY_RATIO} or more: the basal ganglia are bright",
            evidence.deep_grey_ratio >= LEAST_DEEP_GREY_RATIO,
            f"{name}: no deep grey matter brighter than white matter was found (bright over dark patches "
            f"{evidence.deep_grey_ratio:.2f}, {LEAST_DEEP_GREY_RATIO} or more is usual): the sign may be "
            "inverted, or this is no susceptibility map; look at the pictures",
        ),
        _finding(
            "Thick areas of strong susceptibility in the QSM, ml",
            evidence.compact_ml,
            "left out of veins and deep grey matter: calcifications or haemorrhages, with 5 mm around them",
            evidence.compact_ml <= MOST_COMPACT_ML,
            f"{name}: {evidence.compact_ml:.0f} ml are thick areas of strong susceptibility or lie next to "
            "them: calcifications, haemorrhages, or no susceptibility map; look at the pictures, and "
            "mistrust lesions near them",
        ),
        _finding(
            "Spread of the QSM in the brain, ppb",
            evidence.spread_ppb,
            f"robust standard deviation; {SPREAD_PPB[0]:g} to {SPREAD_PPB[1]:g}",
            SPREAD_PPB[0] <= evidence.spread_ppb <= SPREAD_PPB[1],
            f"{name}: the values of the brain spread by {evidence.spread_ppb:.3g} ppb, those of "
            f"susceptibility maps by {SPREAD_PPB[0]:g} to {SPREAD_PPB[1]:g}; look at the unit of the map",
        ),
        _finding(
            "Volume of the brain mask, ml",
            evidence.brain_ml,
            f"{BRAIN_ML[0]:g} to {BRAIN_ML[1]:g}",
            BRAIN_ML[0] <= evidence.brain_ml <= BRAIN_ML[1],
            f"the brain mask holds {evidence.brain_ml:.0f} ml, brains {BRAIN_ML[0]:g} to {BRAIN_ML[1]:g}; "
            "look at the QSM (is it masked to the brain?), or give a brain mask",
            digits=0,
        ),
    )


def magnitude_finding(fit: float, name: str) -> Finding:
    """Whether a map lies on its magnitude; ``fit`` as from `magnitude_fit`, ``name`` is that of its file."""
    return _finding(
        "QSM on its magnitude, fit as they lie over the best elsewhere",
        fit,
        f"mutual information; {LEAST_MAGNITUDE_FIT:g} or more, below 1 the map fits better turned or shifted",
        fit >= LEAST_MAGNITUDE_FIT,
        f"{name}: the map does not lie on its magnitude (the fit is {fit:.2f} times the best with the map "
        f"mirrored or shifted, {LEAST_MAGNITUDE_FIT:g} or more is usual): its voxels may be turned round "
        "against its header, or it is another participant's or visit's; the results are not to be relied on "
        "until that is clear",
    )


def lesion_findings(evidence: LesionEvidence, name: str) -> tuple[Finding, ...]:
    """What FLAIR and lesion map show together; ``name`` is that of the file of lesions."""
    contrast = evidence.flair_contrast
    cause = (
        "darker than their surroundings on the FLAIR: this may be a T1w image"
        if contrast < T1W_CONTRAST
        else "hardly brighter than their surroundings on the FLAIR: the map may be another participant's or "
        "visit's, lie in another space, or be displaced, or the image may be no FLAIR"
    )
    return (
        _finding(
            "FLAIR of the lesions above their surroundings",
            contrast,
            f"in standard deviations of the brain; {LEAST_FLAIR_CONTRAST:g} or more",
            contrast >= LEAST_FLAIR_CONTRAST,
            f"{name}: the lesions are {cause} ({contrast:.2f} standard deviations of the brain, "
            f"{LEAST_FLAIR_CONTRAST:g} or more is usual); the results are not to be relied on until that is "
            "clear",
        ),
        _finding(
            "Share of the brain that is lesion",
            evidence.brain_share,
            f"below {LARGEST_LESION_SHARE:g}",
            evidence.brain_share <= LARGEST_LESION_SHARE,
            f"{name}: {evidence.brain_share:.0%} of the brain is lesion, which no patient has; look whether "
            "this is a map of lesions",
            digits=3,
        ),
        _finding(
            "Share of the brain that the FLAIR covers",
            evidence.covered_share,
            f"{LEAST_COVERED_SHARE:g} or more; lesions where it is exactly 0 are flagged or left out",
            evidence.covered_share >= LEAST_COVERED_SHARE,
            f"{name}: the FLAIR covers only {evidence.covered_share:.0%} of the brain "
            f"({LEAST_COVERED_SHARE:.0%} or more is usual) and is scaled by that part; look at its field of "
            "view",
        ),
    )


def _finding(
    measure: str, value: float, meaning: str, passed: bool, warning: str, digits: int = 2
) -> Finding:
    """A finding; one whose value is undefined was not judged, and warns of nothing."""
    if math.isnan(value):
        return Finding(measure, "not judged", meaning)
    return Finding(measure, f"{value:.{digits}f}", meaning, passed, "" if passed else warning)
