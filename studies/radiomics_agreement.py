"""Compare the vectorised feature engine with pyradiomics, value by value.

    python studies/radiomics_agreement.py [--cohort DIR] [--data DIR] [--volumes N] [--bin-width PPB ...]

Lesions come from `radiomics_cases`: generated ones always, those of a cohort of ``qsmrim-simulate`` and the
semi-real participants where their folders are given. A value agrees if it differs by no more than 1e-6 of
itself (1e-4 for MCC and Imc2, which are ill-conditioned by definition) and 1e-9 of the feature's range over
all lesions, and is undefined where pyradiomics' value is. The exit code is 1 if one does not.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import extract_features, feature_names
from qsmrim_app.settings import RadiomicsSettings
from studies.markdown import table
from studies.radiomics_cases import Case, generated_cases, stored_cases

TOLERANCE, ILL_CONDITIONED = 1e-6, 1e-4
FLOOR = 1e-9  # of the feature's range


@dataclass(frozen=True, eq=False)
class Compared:
    """Both engines' values of n lesions, shape (n, 527), with each lesion's kind and number of voxels."""

    found: NDArray[np.float64]
    expected: NDArray[np.float64]
    kinds: NDArray[np.str_]
    n_voxels: NDArray[np.intp]
    n_failures: int  # lesions that neither engine could measure, for the same reason

    def wrong(self) -> NDArray[np.bool_]:
        """Which values differ by more than they may, shape (n, 527)."""
        return ~(self.excess() <= 1)

    def excess(self) -> NDArray[np.float64]:
        """Difference in units of what is allowed; 0 where both are undefined, infinite where one is."""
        tolerance = np.where(ill_conditioned(), ILL_CONDITIONED, TOLERANCE)
        span = np.nanmax(self.expected, axis=0) - np.nanmin(self.expected, axis=0)
        allowed = np.maximum(tolerance * np.abs(self.expected), FLOOR * span)
        difference = np.abs(self.found - self.expected)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.where(difference == 0, 0, difference / allowed)
        undefined = np.isnan(self.found), np.isnan(self.expected)
        return np.where(undefined[0] & undefined[1], 0, np.where(undefined[0] ^ undefined[1], np.inf, excess))


def ill_conditioned() -> NDArray[np.bool_]:
    """Which of the 527 features are ill-conditioned by definition."""
    return np.array([name.endswith(("_MCC", "_Imc2")) for name in feature_names()])


def compare(cases: Iterable[Case], settings: RadiomicsSettings) -> Compared:
    """Measure every lesion with both engines.

    Raises
    ------
    AssertionError
        If one engine measures a lesion and the other does not, or says another reason.
    """
    found, expected, kinds, n_voxels, n_failures = [], [], [], [], 0
    for case in cases:
        lesions = find_lesions(case.labels)
        fast, slow = (
            extract_features(case.qsm, case.labels, lesions, replace(settings, engine=engine))
            for engine in ("vectorised", "pyradiomics")
        )
        assert dict(fast.failures) == dict(slow.failures), case.kind
        n_failures += len(fast.failures)
        kept = np.array([lesion.index not in fast.failures for lesion in lesions], dtype=np.bool_)
        found.append(fast.values[kept])
        expected.append(slow.values[kept])
        kinds += [case.kind] * int(kept.sum())
        n_voxels += [lesion.n_voxels for lesion, keep in zip(lesions, kept, strict=True) if keep]
    return Compared(
        np.concatenate(found), np.concatenate(expected), np.array(kinds), np.array(n_voxels), n_failures
    )


def summary(compared: Compared) -> str:
    """A table by kind of lesion: how many, how large, the largest difference, values that do not agree."""
    excess, ill = compared.excess(), ill_conditioned()
    rows = []
    for kind in [*dict.fromkeys(compared.kinds.tolist()), "all"]:
        of_kind = (compared.kinds == kind) | (kind == "all")
        sizes = compared.n_voxels[of_kind]
        rows.append(
            (
                kind,
                len(sizes),
                f"{sizes.min()} / {np.median(sizes):.0f} / {sizes.max()}",
                f"{excess[of_kind][:, ~ill].max():.2g}",
                f"{excess[of_kind][:, ill].max():.2g}",
                int(compared.wrong()[of_kind].sum()),
            )
        )
    columns = ("lesions", "n", "voxels, min / median / max", "largest difference", "of MCC, Imc2", "disagree")
    return table(columns, rows)


def worst(compared: Compared, n: int = 20) -> list[str]:
    """The values that disagree most, in words."""
    excess, names = compared.excess(), feature_names()
    order = np.argsort(excess, axis=None)[::-1][:n]
    lines = []
    for lesion, feature in zip(*np.unravel_index(order, excess.shape), strict=True):
        if not excess[lesion, feature] <= 1:
            lines.append(
                f"{names[feature]}: {compared.found[lesion, feature]!r}, pyradiomics "
                f"{compared.expected[lesion, feature]!r}; {compared.kinds[lesion]}, "
                f"{compared.n_voxels[lesion]} voxels"
            )
    return lines


def main() -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--volumes", type=int, default=12)
    parser.add_argument("--bin-width", type=float, nargs="+", default=[25.0, 5.0])
    asked = parser.parse_args()
    all_agree = True
    for width in asked.bin_width:
        cases = [*generated_cases(asked.volumes), *stored_cases(asked.cohort, asked.data)]
        compared = compare(cases, RadiomicsSettings(bin_width_ppb=width))
        print(
            f"\nBin width {width:g} ppb; differences in units of what is allowed; neither engine measures "
            f"{compared.n_failures} more\n\n{summary(compared)}"
        )
        print("\n".join(worst(compared)))
        all_agree &= not compared.wrong().any()
    return 0 if all_agree else 1


if __name__ == "__main__":
    sys.exit(main())
