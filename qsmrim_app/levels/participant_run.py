"""What a run of the participant level knows of each session, stage by stage."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qsmrim_app.errors import BusyError, QsmrimError
from qsmrim_app.levels.measuring import MeasuredSession
from qsmrim_app.levels.workers import Workers
from qsmrim_app.records import PreparedSubject, SessionKey, SubjectInputs
from qsmrim_app.reports.methods_text import MethodsText
from qsmrim_app.settings import ParticipantSettings
from qsmrim_app.tables.lesion_table import LesionTable

if TYPE_CHECKING:
    from qsmrim_app.levels.classifying import Classifier

logger = logging.getLogger(__name__)


@dataclass
class ParticipantRun:
    """What is known so far of each session; a session is in ``errors`` or goes on.

    ``written`` says of each session whose results are there what they replaced.
    """

    settings: ParticipantSettings
    classifier: Classifier
    inputs: dict[SessionKey, SubjectInputs]
    methods: MethodsText
    workers: Workers
    errors: dict[SessionKey, QsmrimError] = field(default_factory=dict)
    busy: dict[SessionKey, BusyError] = field(default_factory=dict)  # left alone: another run writes them
    prepared: dict[SessionKey, PreparedSubject] = field(default_factory=dict)
    measured: dict[SessionKey, MeasuredSession] = field(default_factory=dict)
    tables: dict[SessionKey, LesionTable] = field(default_factory=dict)
    written: dict[SessionKey, tuple[str, ...]] = field(default_factory=dict)
    pages: dict[SessionKey, Path] = field(default_factory=dict)

    def keep(self, key: SessionKey, outcome: object, into: dict[SessionKey, object], stage: str) -> None:
        """Put an outcome where it belongs, and say so in one line."""
        if isinstance(outcome, QsmrimError):
            self.errors[key] = outcome
            logger.error("%s: %s failed: %s", key.prefix, stage, outcome)
            return
        into[key] = outcome
        logger.info("%s: %s done", key.prefix, stage)

    def leave(self, busy: Mapping[SessionKey, BusyError]) -> None:
        """Do nothing with sessions that other runs hold, and say so."""
        for key, error in busy.items():
            self.busy[key] = error
            del self.inputs[key]
            logger.error("%s", error)

    @property
    def keys(self) -> list[SessionKey]:
        """Every session, those with their files first; none that a stopped run never reached."""
        everyone = [*self.inputs, *(key for key in self.errors if key not in self.inputs)]
        return [key for key in everyone if not self.stopped or key in self.errors or key in self.written]

    @property
    def stopped(self) -> bool:
        """Whether the run ends here: a session failed, and the user wants no other to go on."""
        return bool(self.errors) and self.settings.resources.stop_on_first_crash
