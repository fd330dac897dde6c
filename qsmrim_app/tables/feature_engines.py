"""Which feature engines give the same values, so that their samples may stand together."""

from __future__ import annotations

from collections.abc import Iterable

# Engines that agree in every value (docs/methods.md says how closely and on what that was measured). A new
# version of one of them stands here only after the comparison was run again.
AGREEING_ENGINES = frozenset({"pyradiomics-3.0.1", "vectorised-1"})
_JOINT = " + "


def engines_agree(one: str, other: str) -> bool:
    """Whether features by the one may be used where features by the other are expected."""
    names = {*one.split(_JOINT), *other.split(_JOINT)}
    return one == other or names <= AGREEING_ENGINES


def joint_engine(engines: Iterable[str]) -> str:
    """The name for rows by several engines that agree: ``pyradiomics-3.0.1 + vectorised-1``."""
    return _JOINT.join(sorted({name for engine in engines for name in engine.split(_JOINT)}))
