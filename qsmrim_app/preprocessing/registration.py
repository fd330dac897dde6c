"""The linear motion that brings the FLAIR onto the QSM grid, and the check that it helped."""

from __future__ import annotations

import numpy as np

from qsmrim_app.errors import PreprocessingError
from qsmrim_app.preprocessing.registration_ants import register_with_ants
from qsmrim_app.preprocessing.registration_pair import Pair, best_start, make_pair, score, similarity_drop
from qsmrim_app.preprocessing.registration_sitk import register_with_sitk
from qsmrim_app.records import FloatArray, RegistrationResult, Volume
from qsmrim_app.settings import PreprocessingSettings

_BACKENDS = {"sitk": register_with_sitk, "ants": register_with_ants}
LEAST_SHARE_LOST = 0.2  # of the mutual information, when the FLAIR is moved (decision 0041)
LOW_OVERLAP = 0.7  # Dice of the two heads below which somebody should look


def register_flair(
    fixed: Volume, flair: Volume, brain_mask: Volume, settings: PreprocessingSettings
) -> RegistrationResult:
    """Where each point of the FLAIR lies in the world of the QSM.

    The registration starts from the header or from the centres of the heads, whichever is more similar, and
    its result is kept only if it is more similar than the header alone.

    Parameters
    ----------
    fixed
        GRE magnitude or QSM, shape (i, j, k).
    flair
        FLAIR, bias-corrected, on its own grid.
    brain_mask
        bool, grid of ``fixed``.
    settings
        Kind, backend, share of voxels, seed and the gain asked for.

    Returns
    -------
    RegistrationResult
        With similarity and overlap before and after. Where it fell back to the header, "after" is what the
        rejected registration reached.

    Raises
    ------
    PreprocessingError
        If the brain mask is empty or the registration itself fails.
    """
    if not brain_mask.data.any():
        raise PreprocessingError("the brain mask is empty, so there is nothing to register")
    pair = make_pair(fixed, flair, brain_mask)
    before = score(pair, np.eye(4))
    found = _register(pair, settings)
    after = score(pair, found)
    wanted = settings.registration != "header"
    worse = wanted and after.similarity - before.similarity <= settings.min_similarity_gain
    return RegistrationResult(
        flair_to_qsm=np.eye(4) if worse else np.linalg.inv(found),
        kind="header" if worse else settings.registration,
        backend=settings.backend,
        similarity_before=before.similarity,
        similarity_after=after.similarity,
        overlap_before=before.overlap,
        overlap_after=after.overlap,
        fell_back=worse,
        similarity_drop=similarity_drop(pair, np.eye(4) if worse else found),
    )


def registration_warnings(result: RegistrationResult) -> tuple[str, ...]:
    """What a user should know of a registration: rejected, hardly any overlap, or as good a place nearby."""
    warnings = []
    if result.fell_back:
        warnings.append(
            "the registration of the FLAIR did not make the images more alike (mutual information "
            f"{result.similarity_before:.3f} to {result.similarity_after:.3f}); the header was used instead"
        )
    overlap = result.overlap_before if result.fell_back else result.overlap_after
    if overlap < LOW_OVERLAP:
        warnings.append(
            f"the heads of FLAIR and QSM overlap little (Dice {overlap:.2f}); look at the registration figure"
        )
    if result.similarity_drop is not None and result.similarity_drop < 0:
        warnings.append(
            "the FLAIR fits the QSM better when it is moved by 5 to 20 mm from where the "
            f"{'header' if result.kind == 'header' else 'registration'} puts it: they are probably not "
            "aligned; look at the registration figure"
        )
    elif result.share_lost is not None and result.share_lost < LEAST_SHARE_LOST:
        warnings.append(
            "the FLAIR fits the QSM little better where it was put than 5 to 20 mm away (it would lose "
            f"{result.share_lost:.2f} of the mutual information; {LEAST_SHARE_LOST:g} or more is usual):"
            " they may be of two participants or visits, or one is mirrored; look at the registration figure"
        )
    return tuple(warnings)


def _register(pair: Pair, settings: PreprocessingSettings) -> FloatArray:
    """Fixed world to moving world."""
    if settings.registration == "header":
        return np.eye(4)
    return _BACKENDS[settings.backend](pair, best_start(pair), settings)
