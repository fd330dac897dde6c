"""A trained model as a folder: ``model.json`` and one safetensors file a member. Nothing is unpickled.

What does not fit is refused with the reason: the file names lead nowhere outside the folder, every file has
the size and sha256 that ``model.json`` states, and all numbers are finite.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from qsmrim_app.errors import CheckpointError, MissingModelError, OutputError, UsageError
from qsmrim_app.evaluation.platt import Calibration
from qsmrim_app.plain_data import from_plain, to_plain
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.whole_files import replace_folder

FORMAT = "qsmrim-bundle-1"
MANIFEST = "model.json"
MAX_MANIFEST_BYTES = 16 * 2**20
MAX_MEMBER_BYTES = 2**30
MAX_MEMBERS = 99
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class BundleInfo:
    """What a model says of itself beside its weights.

    ``operating_points`` are thresholds on the calibrated ``p_rim`` by name (``f1``, ``high-sensitivity``);
    a member's log-odds are its logit over ``temperature`` plus ``log_odds_shift``. ``training`` describes the
    data, ``metrics`` the evaluation.
    ``statement`` is one sentence on what the model was trained on, to stand wherever its results are shown.
    ``version`` is that of the qsmrim that trained it.
    """

    name: str = "untrained"
    version: str = ""
    feature_names: tuple[str, ...] = ()
    engine: str = ""
    operating_points: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    log_odds_shift: float = 0.0
    trained_on_simulation: bool = False
    statement: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def calibration(self) -> Calibration:
        """What turns logits into probabilities."""
        return Calibration(self.temperature, self.log_odds_shift)


@dataclass(frozen=True)
class MemberFile:
    """One file of weights."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of ``model.json``."""

    format: str
    settings: DetectorSettings
    info: BundleInfo
    scaler: Mapping[str, tuple[float, ...]]  # mean, sd, median: one value a feature
    members: tuple[MemberFile, ...]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model in memory. Weights are stored as they are given, so the caller chooses their precision."""

    settings: DetectorSettings
    info: BundleInfo
    scaler: Mapping[str, tuple[float, ...]]
    members: tuple[Weights, ...]


# ---- writing ---------------------------------------------------------------------------------------------
def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle; the same bundle gives the same bytes. One that was there is replaced, never mixed.

    What a person put beside it (notes, say) stays.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    contents = {f"member-{n}.safetensors": _member_bytes(weights) for n, weights in enumerate(bundle.members)}
    manifest = Manifest(
        FORMAT,
        bundle.settings,
        bundle.info,
        bundle.scaler,
        tuple(MemberFile(name, len(raw), _sha256(raw)) for name, raw in contents.items()),
    )
    text = json.dumps(_without_nan(to_plain(manifest)), indent=1, sort_keys=True, allow_nan=False)
    contents[MANIFEST] = f"{text}\n".encode()
    try:
        replace_folder(folder, contents, keep=_is_foreign)
    except OSError as error:
        raise OutputError(f"the model cannot be written to {folder}: {error.strerror or error}") from error


def _is_foreign(name: str) -> bool:
    """Whether a file in the folder of a model is a person's, none that a training leaves there."""
    return name != "README.md" and Path(name).suffix not in {".json", ".tsv", ".png", ".safetensors"}


def _member_bytes(weights: Weights) -> bytes:
    raw: bytes = tensors_to_bytes({name: tensor.contiguous() for name, tensor in weights.items()})
    return raw


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: an undefined metric becomes null."""
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ---- reading ---------------------------------------------------------------------------------------------
def read_bundle(folder: Path, methods: Sequence[str]) -> Bundle:
    """The model in a folder, checked.

    Parameters
    ----------
    folder
        Holds ``model.json``. Files that it does not name (a model card) are not looked at.
    methods
        Methods that this version of the app can run.

    Raises
    ------
    CheckpointError
        If a file is too large, damaged or altered, format or method unknown, or a number not finite; if one
        is missing, a `MissingModelError`.
    """
    manifest = _read_manifest(folder / MANIFEST)
    if manifest.settings.method not in methods:
        raise CheckpointError(
            f"{folder}: the model is a '{manifest.settings.method}'; this version knows {', '.join(methods)}"
        )
    _check_numbers(manifest, folder)
    members = tuple(_read_member(folder, member) for member in manifest.members)
    return Bundle(manifest.settings, manifest.info, manifest.scaler, members)


def manifest_digest(folder: Path) -> str:
    """Names a model by its manifest, which names its weights.

    Raises
    ------
    CheckpointError
        If it cannot be read.
    """
    return _sha256(_read_bytes(folder / MANIFEST, MAX_MANIFEST_BYTES))


def _read_manifest(path: Path) -> Manifest:
    raw = _read_bytes(path, MAX_MANIFEST_BYTES)
    try:
        plain = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); copy the model again") from error
    found = plain.get("format") if isinstance(plain, dict) else None
    if found != FORMAT:
        raise CheckpointError(f"{path} has format {found!r}, this version reads '{FORMAT}'")
    try:
        return from_plain(Manifest, plain)
    except UsageError as error:
        raise CheckpointError(f"{path} does not describe a model: {error}") from error


def _check_numbers(manifest: Manifest, folder: Path) -> None:
    info = manifest.info
    problems = {
        "its number of members is not between 1 and 99": not 1 <= len(manifest.members) <= MAX_MEMBERS,
        "its temperature is not between 0.001 and 1000": not 1e-3 <= info.temperature <= 1e3,
        "its shift of the log-odds is not between -100 and 100": not -100 <= info.log_odds_shift <= 100,
        "an operating point is not between 0 and 1": any(
            not 0 <= point <= 1 for point in info.operating_points.values()
        ),
        "a standard deviation of its feature scaler is below 0": any(
            value < 0 for value in manifest.scaler.get("sd", ())
        ),
        "its list of training lesions is none": not _is_list_of_texts(info.training.get("fingerprints", [])),
        "its list of training maps is none": not _is_list_of_texts(info.training.get("maps", [])),
        "a feature name stands twice": len(set(info.feature_names)) != len(info.feature_names),
        "its feature scaler does not fit its feature names": any(
            len(values) != len(info.feature_names) for values in manifest.scaler.values()
        ),
    }
    for problem, found in problems.items():
        if found:
            raise CheckpointError(f"{folder}: the model is refused, as {problem}")


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _read_member(folder: Path, member: MemberFile) -> Weights:
    if not _FILE_NAME.fullmatch(member.file):
        raise CheckpointError(f"{folder}: '{member.file}' is no name of a file inside the model")
    path = folder / member.file
    raw = _read_bytes(path, MAX_MEMBER_BYTES)
    if len(raw) != member.bytes or _sha256(raw) != member.sha256:
        raise CheckpointError(
            f"{path} is not the file that {MANIFEST} describes (sha256); copy the model again"
        )
    try:
        weights: Weights = tensors_from_bytes(raw)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path} is not a safetensors file ({error})") from error
    broken = sorted(name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all()))
    if broken:
        raise CheckpointError(f"{path}: weights {broken[:3]} are NaN or infinite; the training failed")
    return weights


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise CheckpointError(f"{path} is no regular file; name the folder of a model")
        if size > limit:
            raise CheckpointError(f"{path} has {size} bytes; a model file has at most {limit}")
        return path.read_bytes()
    except OSError as error:
        kind = MissingModelError if isinstance(error, FileNotFoundError) else CheckpointError
        raise kind(f"{path} cannot be read ({error.strerror}); name the folder of a model") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
