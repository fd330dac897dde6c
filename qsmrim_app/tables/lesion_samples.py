"""What a detector learns from and looks at: patches and features of many lesions, by key.

The file form is one safetensors file, so that training needs torch, numpy and safetensors alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from qsmrim_app.errors import TableError, UnknownLesionError
from qsmrim_app.tables.feature_engines import engines_agree, joint_engine

SampleKey = tuple[str, str, int]  # subject, session, index
FORMAT = "qsmrim-samples-1"
_SHARED = (
    "spacing_mm",
    "margin_mm",
    "qsm_zero",
    "bin_width_ppb",
)  # what samples that stand together have in common
_SINCE_LATER = (
    "bin_width_ppb",
    "map_digest",
)  # files of earlier versions do not say it, nor can it be guessed


@dataclass(frozen=True, eq=False)
class LesionSamples:
    """Unaugmented samples of the classifiable lesions of any number of subjects.

    Parameters
    ----------
    keys
        ``(subject, session, index)`` of each lesion, unique, length n.
    patches
        Shape (n, 2, i, j, k), float32: channel 0 the QSM in ppb, channel 1 the FLAIR as z-score; centred, 0
        outside the lesion, the QSM outside its margin. Neither scaled nor clipped.
    features
        Shape (n, f), float64; NaN where a feature is undefined.
    feature_names
        Length f.
    spacing_mm
        Voxel size of the patches.
    engine
        Which program computed the features, with its version; several where samples stand together.
    rim
        Shape (n,), float64: 1 rim+, 0 rim-, NaN where no expert said. Only this trains.
    bin_width_ppb
        Width of the grey level bins that the features were computed with.
    margin_mm
        How far around its lesion the QSM of a patch reaches.
    qsm_zero
        What 0 ppb means in patches and features: ``as-stored`` or ``brain-median``.
    map_digest
        Tells the susceptibility map of a session from every other one, whatever was outlined in it; empty
        where samples of several sessions stand together.
    """

    keys: tuple[SampleKey, ...]
    patches: NDArray[np.float32]
    features: NDArray[np.float64]
    feature_names: tuple[str, ...]
    spacing_mm: tuple[float, float, float]
    engine: str
    rim: NDArray[np.float64]
    bin_width_ppb: float
    margin_mm: float = 0.0
    qsm_zero: str = "as-stored"
    map_digest: str = ""

    def __post_init__(self) -> None:
        n = len(self.keys)
        if self.patches.ndim != 5 or self.patches.shape[:2] != (n, 2):
            raise TableError(f"{n} lesions need patches of shape ({n}, 2, i, j, k), not {self.patches.shape}")
        if self.features.shape != (n, len(self.feature_names)):
            raise TableError(
                f"{n} lesions and {len(self.feature_names)} names do not fit {self.features.shape}"
            )
        if self.rim.shape != (n,) or not np.isin(self.rim[~np.isnan(self.rim)], (0, 1)).all():
            raise TableError("the rim status of a sample is 1, 0 or NaN")
        if len(set(self.keys)) != n:
            raise TableError("a lesion stands twice in the samples")

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def subjects(self) -> NDArray[np.str_]:
        """Subject of each row, shape (n,)."""
        return np.array([key[0] for key in self.keys], dtype=np.str_)

    def take(self, rows: NDArray[Any] | Sequence[int]) -> LesionSamples:
        """The given rows (indices or a mask), in that order."""
        chosen = np.arange(len(self))[np.asarray(rows)] if len(rows) else np.arange(0)
        return replace(
            self,
            keys=tuple(self.keys[row] for row in chosen),
            patches=self.patches[chosen],
            features=self.features[chosen],
            rim=self.rim[chosen],
        )

    def select(self, keys: Sequence[SampleKey]) -> LesionSamples:
        """The samples of the given lesions, in that order.

        Raises
        ------
        UnknownLesionError
            If a lesion has no sample.
        """
        row_of = {key: row for row, key in enumerate(self.keys)}
        unknown = [key for key in keys if key not in row_of]
        if unknown:
            raise UnknownLesionError(f"no samples for lesion(s) {unknown[:5]}")
        return self.take(np.array([row_of[key] for key in keys], dtype=np.intp))


def concatenate_samples(parts: Sequence[LesionSamples], names: Sequence[str] = ()) -> LesionSamples:
    """Samples of several files as one.

    Parameters
    ----------
    parts
        At least one.
    names
        What to call the parts in a message; without them, the first lesion of each.

    Raises
    ------
    TableError
        If the parts differ in grid, margin, zero, bin width, patch shape or feature names, or their engines
        are not known to agree.
    """
    called = names or [str(part.keys[:1]) for part in parts]
    for part, name in zip(parts[1:], called[1:], strict=True):
        if difference := _difference(part, parts[0]):
            raise TableError(
                f"samples of {name} and of {called[0]} differ in {difference}; run the participant level on "
                "one of them again, with the settings and version of the other"
            )
    return replace(
        parts[0],
        keys=tuple(key for part in parts for key in part.keys),
        patches=np.concatenate([part.patches for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        rim=np.concatenate([part.rim for part in parts]),
        engine=joint_engine(part.engine for part in parts),
        map_digest=parts[0].map_digest if len(parts) == 1 else "",
    )


def _difference(one: LesionSamples, other: LesionSamples) -> str:
    """What does not let samples stand together, with both values where they are short; empty if nothing."""
    if one.feature_names != other.feature_names:
        n, m = len(one.feature_names), len(other.feature_names)
        return f"their features ({n} and {m})" if n != m else "the names or order of their features"
    values = {name: (getattr(one, name), getattr(other, name)) for name in _SHARED}
    if not engines_agree(one.engine, other.engine):
        values["engine"] = (one.engine, other.engine)
    values["patch shape"] = (one.patches.shape[2:], other.patches.shape[2:])
    for name, (left, right) in values.items():
        if left != right:
            return f"{name} ({left} and {right})"
    return ""


def samples_to_bytes(samples: LesionSamples) -> bytes:
    """The file form; the same samples give the same bytes."""
    header = {
        "format": FORMAT,
        "keys": json.dumps(samples.keys),
        "feature_names": json.dumps(samples.feature_names),
        "spacing_mm": json.dumps(samples.spacing_mm),
        "engine": samples.engine,
        "margin_mm": samples.margin_mm,
        "qsm_zero": samples.qsm_zero,
        "bin_width_ppb": samples.bin_width_ppb,
        "map_digest": samples.map_digest,
    }
    tensors = {
        "patches": np.ascontiguousarray(samples.patches, dtype=np.float32),
        "features": np.ascontiguousarray(samples.features, dtype=np.float64),
        "rim": np.ascontiguousarray(samples.rim, dtype=np.float64),
    }
    return bytes(save(tensors, metadata={"qsmrim": json.dumps(header, sort_keys=True)}))


def read_samples(path: Path) -> LesionSamples:
    """Samples from a file made by `samples_to_bytes`.

    Raises
    ------
    TableError
        If the file is no samples file, or one of an earlier version that does not say all of its measurement.
    """
    if path.exists() and not path.is_file():
        raise TableError(f"{path} cannot be read as lesion samples (no regular file)")
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("qsmrim", "{}"))
            if header.get("format") != FORMAT:
                raise TableError(f"it is none of format {FORMAT}")
            if lacking := [name for name in _SINCE_LATER if name not in header]:
                raise TableError(f"it does not say {lacking[0]}: an earlier version of qsmrim wrote it")
            patches, features, rim = (file.get_tensor(name) for name in ("patches", "features", "rim"))
            if not np.isfinite(patches).all() or np.isinf(features).any():
                raise TableError("its patches or features are not finite")
            return LesionSamples(
                tuple((str(who), str(when), int(n)) for who, when, n in json.loads(header["keys"])),
                patches,
                features,
                tuple(map(str, json.loads(header["feature_names"]))),
                _three_numbers(json.loads(header["spacing_mm"])),
                str(header["engine"]),
                rim,
                float(header["bin_width_ppb"]),
                float(header.get("margin_mm", 0.0)),
                str(header.get("qsm_zero", "as-stored")),
                str(header["map_digest"]),
            )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"{path} cannot be read as lesion samples ({error}); run the participant level again"
        ) from error


def _three_numbers(values: Sequence[float]) -> tuple[float, float, float]:
    i, j, k = map(float, values)
    return i, j, k
