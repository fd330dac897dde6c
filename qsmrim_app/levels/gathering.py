"""Gather what participant runs left: lesion tables and samples of one or several sites.

A mask variant is the output of another run on the same participants, with other outlines of their lesions.
Its rows are no new lesions: they stand apart, under a session label that names the variant. An output that
only trains (simulated lesions beside one's own, say) is never held out and never scored.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qsmrim_app.bids_io.participants import lesion_tables
from qsmrim_app.errors import InputError, NothingSelectedError, UsageError
from qsmrim_app.levels.session_lesions import (
    SessionImage,
    key_of,
    read_labelled_samples,
    read_table,
    samples_path,
    session_image,
    warn_of_lone_samples,
)
from qsmrim_app.levels.sources import MAIN, Source, subject_name, variant_sources
from qsmrim_app.tables.lesion_samples import LesionSamples, concatenate_samples
from qsmrim_app.tables.lesion_table import LesionTable, concatenate

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Gathered:
    """Lesions of all sites.

    A variant has the same participants under other outlines; ``train_only`` are other participants. Neither
    has such parts itself. ``subjects`` are all that were analysed, those without lesions too. ``images`` are
    the susceptibility maps of their sessions.
    """

    table: LesionTable
    samples: LesionSamples
    variants: Mapping[str, Gathered] = field(default_factory=dict)
    train_only: Mapping[str, Gathered] = field(default_factory=dict)
    subjects: frozenset[str] = frozenset()
    images: tuple[SessionImage, ...] = ()

    @property
    def is_simulated(self) -> bool:
        """Whether any lesion is a simulated one: it has a true rim status, which no patient's lesion has."""
        return bool(self.table.frame["rim_truth"].notna().any())


def gather(
    sites: Mapping[str, Path],
    mask_variants: Mapping[str, Path] | None = None,
    train_only: Mapping[str, Path] | None = None,
) -> Gathered:
    """All lesions of the given outputs; the samples take the experts' rim status from the lesion tables.

    Parameters
    ----------
    sites
        Name -> output folder of a participant run. With an empty name subjects stay as they are.
    mask_variants
        ``variant`` or ``site:variant`` -> output folder of a run on the same participants.
    train_only
        Name -> output folder of a run on other participants; they are called ``name:subject``.

    Raises
    ------
    NothingSelectedError
        If a folder holds no lesion table.
    TableError
        If the samples of two sessions do not fit together.
    InputError
        If a mask variant holds a subject that the outputs themselves do not, or another susceptibility map
        of one.
    UsageError
        If the name of a mask variant cannot be used, or it is the same folder, or a name stands for two.
    """
    variants = variant_sources(sites, mask_variants or {})
    if taken := sorted(set(train_only or {}) & {MAIN, *sites, *variants}):
        raise UsageError(f"the name '{taken[0]}' stands for two folders; give what only trains another one")
    for site in (*sites, *(train_only or {})):
        if ":" in site or not site.isprintable() or site != site.strip():
            raise UsageError(
                f"{site!r} is no name of a site; leave out colons, line ends and spaces around it"
            )
    main = [Source(folder, site) for site, folder in sites.items()]
    gathered = _read_all(main)
    return replace(
        gathered,
        variants={name: _read_variant(name, sources, main, gathered) for name, sources in variants.items()},
        train_only={name: _read_all([Source(path, name)]) for name, path in (train_only or {}).items()},
    )


def _read_variant(
    name: str, sources: Sequence[Source], main: Sequence[Source], gathered: Gathered
) -> Gathered:
    _require_same_subjects(name, sources, main)
    logger.info("mask variant '%s':", name)
    variant = _read_all(sources)
    _require_same_maps(name, variant, gathered)
    return variant


def _require_same_maps(name: str, variant: Gathered, gathered: Gathered) -> None:
    known = {(image.subject, image.session): image for image in gathered.images}
    for image in variant.images:
        main = known.get((image.subject, image.session), image)
        if main.digest != image.digest:
            session = f", session '{image.session}'" if image.session else ""
            raise InputError(
                f"mask variant '{name}': participant '{image.subject}'{session} has one susceptibility map "
                f"in {image.folder} and another in {main.folder}; a variant has other outlines on the same "
                "maps: analyse these, or name the folder as a --site or --train-only"
            )


def _require_same_subjects(name: str, sources: Sequence[Source], main: Sequence[Source]) -> None:
    here, there = _subjects(sources), _subjects(main)
    if extra := sorted(here - there):
        raise InputError(
            f"mask variant '{name}' in {sources[0].folder} holds subject(s) {extra[:5]} that are not in "
            f"{main[0].folder}; a variant is a run on the same participants: analyse them there too"
        )
    if lacking := sorted(there - here):
        logger.warning("mask variant '%s' lacks %d subject(s): %s ...", name, len(lacking), lacking[:5])


def _subjects(sources: Sequence[Source]) -> set[str]:
    return {
        subject_name(key_of(path), source.site) for source in sources for path in lesion_tables(source.folder)
    }


def _read_all(sources: Sequence[Source]) -> Gathered:
    tables: list[LesionTable] = []
    samples: list[LesionSamples] = []
    names: list[str] = []
    images: list[SessionImage] = []
    for source in sources:
        found = lesion_tables(source.folder)
        if not found:
            raise NothingSelectedError(
                f"{source.folder} holds no lesion table; run the participant level there first"
            )
        warn_of_lone_samples(source.folder, found)
        for path in found:
            table = read_table(path, source)
            tables.append(table)
            file = samples_path(source.folder, key_of(path))
            samples.append(read_labelled_samples(file, table, key_of(path)))
            images.append(session_image(samples[-1], source, key_of(path)))
            names.append(f"{key_of(path)} in {source.folder}")
    gathered = Gathered(
        concatenate(tables),
        concatenate_samples(samples, names),
        subjects=frozenset(_subjects(sources)),
        images=tuple(images),
    )
    logger.info("gathered %d lesions of %d sessions", len(gathered.table), len(tables))
    return gathered
