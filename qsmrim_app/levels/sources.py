"""Which folders a training learns from, and how their subjects and sessions are called.

A subject of a named site is ``site:subject``; the session label of a mask variant's row names the variant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qsmrim_app.errors import UsageError
from qsmrim_app.records import SessionKey

MAIN = "main"  # the outlines of the outputs themselves, beside those of the mask variants


@dataclass(frozen=True)
class Source:
    """An output folder of a participant run; where a site is named, its subjects are ``site:subject``."""

    folder: Path
    site: str = ""
    variant: str = MAIN


def subject_name(key: SessionKey, site: str) -> str:
    """How the subject of a session is called: by its site too, where sites are named."""
    return f"{site}:{key.subject}" if site else key.subject


def site_of(subject: str) -> str:
    """The site of a subject's name; empty where sites are not named."""
    return subject.rpartition(":")[0]


def variant_session(session: str, variant: str) -> str:
    """The session label of a variant's rows, ``01+flair``: no raw session needs such a label."""
    return session if variant == MAIN else f"{session}+{variant}"


def raw_session(label: str, variant: str) -> str:
    """The session that a label of `variant_session` stands for."""
    return label if variant == MAIN else label.removesuffix(f"+{variant}")


def variant_sources(sites: Mapping[str, Path], mask_variants: Mapping[str, Path]) -> dict[str, list[Source]]:
    """Variant -> its folders, from ``variant`` or ``site:variant`` -> folder.

    Raises
    ------
    UsageError
        If a name cannot be used, no site is named, or a folder is that of the lesions themselves.
    """
    sources: dict[str, list[Source]] = {}
    for label, folder in mask_variants.items():
        site, _, name = label.rpartition(":")
        if not re.fullmatch(r"[A-Za-z0-9]+", name) or name == MAIN:
            raise UsageError(f"mask variant '{name}': a name has letters and digits, and is not '{MAIN}'")
        if not site and len(sites) == 1:
            site = next(iter(sites))
        if site not in sites:
            raise UsageError(f"mask variant '{label}': name it SITE:{name}, with a site of {sorted(sites)}")
        if folder.resolve() == sites[site].resolve():
            raise UsageError(f"mask variant '{label}' is {folder}, which holds the lesions themselves")
        sources.setdefault(name, []).append(Source(folder, site, name))
    return sources
