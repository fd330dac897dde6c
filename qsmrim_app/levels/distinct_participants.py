"""No person may stand under two names: one would train, the other be held out."""

from __future__ import annotations

from collections.abc import Iterator

from qsmrim_app.errors import InputError
from qsmrim_app.levels.classifying import fingerprints
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.levels.session_lesions import SessionImage
from qsmrim_app.tables.lesion_samples import LesionSamples


def require_distinct_participants(gathered: Gathered) -> None:
    """Pass silently if no two subjects share a susceptibility map or the image of a lesion.

    The whole map tells them whatever their outlines are; the lesions' images tell them where something far
    from the lesions was changed, such as a mask. Subjects that only train may share one: neither is ever
    held out, so nothing is scored that was seen.

    Raises
    ------
    InputError
        If two do: the same participant is in two sites, in one site twice, or in what only trains as well.
        Or if two sessions of one subject have the same map: its lesions would count twice.
    """
    _require_distinct_images(gathered)
    seen: dict[str, str] = {}
    for part in (gathered, *gathered.variants.values()):
        for print_, subject in lesion_prints(part.samples):
            _refuse_other(seen.setdefault(print_, subject), subject)
    for part in gathered.train_only.values():
        for print_, subject in lesion_prints(part.samples):
            _refuse_other(seen.get(print_, subject), subject)


def lesion_prints(samples: LesionSamples) -> Iterator[tuple[str, str]]:
    """What identifies the image of each lesion, and whose it is; an empty patch is nobody's."""
    rows = zip(fingerprints(samples), samples.subjects.tolist(), samples.patches, strict=True)
    return ((print_, subject) for print_, subject, patch in rows if patch[0].any())


def _require_distinct_images(gathered: Gathered) -> None:
    seen: dict[str, SessionImage] = {}
    for part in (gathered, *gathered.variants.values()):
        for image in part.images:
            known = seen.setdefault(image.digest, image)
            _refuse_other(known.subject, image.subject)
            if known.session != image.session:
                raise InputError(
                    f"participant '{image.subject}' has the same susceptibility map in the sessions "
                    f"'{known.session or 'none'}' and '{image.session or 'none'}', and its lesions would "
                    "count twice; remove the results of one of them"
                )
    for part in gathered.train_only.values():
        for image in part.images:
            _refuse_other(seen.get(image.digest, image).subject, image.subject)


def _refuse_other(known: str, subject: str) -> None:
    if known != subject:
        raise InputError(
            f"participants '{known}' and '{subject}' have the same image: they are one under "
            "two names; leave one of them out, or give other outlines of the same participants as a "
            "--mask-variant"
        )
