"""Whether the patches that the participant level made are those that the settings of methods ask for."""

from __future__ import annotations

from qsmrim_app.errors import FeatureMismatchError
from qsmrim_app.settings import GroupSettings
from qsmrim_app.tables.lesion_samples import LesionSamples


def require_asked_patches(settings: GroupSettings, samples: LesionSamples) -> None:
    """Pass silently if lesions were cut out as the settings of the methods say.

    Raises
    ------
    FeatureMismatchError
        If they were not.
    """
    asked = settings.detector.patch
    pairs = {
        "margin_mm": (asked.margin_mm, samples.margin_mm),
        "qsm_zero": (asked.qsm_zero, samples.qsm_zero),
        "shape_vox": (tuple(asked.shape_vox), tuple(samples.patches.shape[2:])),
    }
    odd = [
        f"detector.patch.{name} is {one!r} here, {two!r} there"
        for name, (one, two) in pairs.items()
        if one != two
    ]
    if odd:
        folder = next(iter(settings.sites.values()), settings.output_dir)
        raise FeatureMismatchError(
            f"the settings do not fit the samples that the participant level left in {folder}: "
            f"{'; '.join(odd)}; say in the --config-file what is there"
        )
