"""How often the checks of plausibility speak on right input, and how often on wrong: a table in the terminal.

``python studies/plausibility.py COHORT [--participants N] [--data FOLDER]``. Participants are taken from all
protocols and reconstructions of the cohort in turn. Their QSM, FLAIR and lesions are judged as they are, and
after each of the faults in `studies.faults`; N4 is left out. Nothing here chooses a threshold.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from qsmrim_app.errors import InputError
from qsmrim_app.preprocessing.brain_mask import mask_from_support
from qsmrim_app.preprocessing.lesion_evidence import measure_lesions
from qsmrim_app.preprocessing.magnitude_evidence import magnitude_fit
from qsmrim_app.preprocessing.plausibility import (
    lesion_findings,
    magnitude_finding,
    qsm_findings,
    require_susceptibility,
)
from qsmrim_app.preprocessing.qsm_evidence import measure_qsm
from qsmrim_app.preprocessing.registration import LEAST_SHARE_LOST
from qsmrim_app.preprocessing.registration_pair import Pair, best_start, make_pair, score, similarity_drop
from qsmrim_app.preprocessing.registration_sitk import register_with_sitk
from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.records import Finding, FloatArray, Volume
from qsmrim_app.settings import PreprocessingSettings
from studies.cohort_files import Participant, find_cohort, find_semireal
from studies.faults import (
    Images,
    flair_faults,
    flairs_to_register,
    lesion_faults,
    placement_faults,
    qsm_faults,
    read_images,
)
from studies.gathering import spread_over_reconstructions

_SHIFT_MM = (0.0, 20.0, 0.0)
_REFUSED = "refused"
_THOROUGH = 4  # other registrations for every fourth participant: each takes as long as all else

Outcome = tuple[str, str, str, bool]  # case, check, value, whether it spoke


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--participants", type=int, default=30)
    parser.add_argument("--data", type=Path, help="folder of the semi-real participants")
    options = parser.parse_args()
    people = spread_over_reconstructions(find_cohort(options.cohort).participants, options.participants)
    if options.data:
        print(table("semi-real", find_semireal(options.data)), flush=True)
    print(table("simulated", people))


def table(name: str, people: tuple[Participant, ...]) -> str:
    """Markdown: for each fault and check how many spoke, and the range of what was measured."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
    other: Images | None = None
    for number, person in enumerate(people, start=1):
        images = read_images(person)
        for case, check, value, spoke in outcomes(images, other, thorough=number % _THOROUGH == 1):
            found[case, check].append((value, spoke))
        other = images
        print(f"{number} of {len(people)}: {person.label}", file=sys.stderr, flush=True)
    lines = [f"{name} | check | n | spoke | lowest | highest", "---|---|--:|--:|--:|--:"]
    for (case, check), cells in found.items():
        numbers = [float(value) for value, _ in cells if value not in ("", "not judged")]
        span = f"{min(numbers):g} | {max(numbers):g}" if numbers else " | "
        lines.append(f"{case} | {check} | {len(cells)} | {sum(spoke for _, spoke in cells)} | {span}")
    return "\n".join(lines)


def outcomes(images: Images, other: Images | None, thorough: bool) -> Iterator[Outcome]:
    """Every check on one participant, right and with each fault.

    ``other`` is somebody else; other registrations are made where it is to be ``thorough``.
    """
    for case, qsm in qsm_faults(images):
        yield from _judge_qsm(case, qsm, images.brain)
    for case, qsm in placement_faults(images, other):
        fit = magnitude_fit(qsm, images.magnitude, mask_from_support(qsm))
        yield from _spoken(case, (magnitude_finding(fit, "qsm"),))
    pair, motion = _registered(images, images.flair)
    yield _judge_place("as it is", pair, motion)
    shift = np.eye(4)
    shift[:3, 3] = _SHIFT_MM
    yield _judge_place("FLAIR 20 mm off, not registered", pair, shift @ motion)
    for case, flair in flairs_to_register(images, other) if thorough else ():
        yield _judge_place(case, *_registered(images, flair))
    flair = resample_image(images.flair, images.qsm, motion)
    for case, wrong in flair_faults(images, flair, motion):
        yield from _judge_lesions(case, wrong, images.lesions, images.brain)
    for case, lesions in lesion_faults(images, other.lesions if other else None, motion):
        yield from _judge_lesions(case, flair, lesions, images.brain)


def _registered(images: Images, flair: Volume) -> tuple[Pair, FloatArray]:
    """A FLAIR beside the magnitude, and where the registration puts it."""
    pair = make_pair(images.magnitude, flair, images.brain)
    return pair, register_with_sitk(pair, best_start(pair), PreprocessingSettings())


def _judge_place(case: str, pair: Pair, motion: FloatArray) -> Outcome:
    share = similarity_drop(pair, motion) / score(pair, motion).similarity
    return case, "share of mutual information lost if moved", f"{share:.3f}", share < LEAST_SHARE_LOST


def _judge_qsm(case: str, qsm: Volume, brain: Volume) -> Iterator[Outcome]:
    evidence = measure_qsm(qsm, brain)
    try:
        require_susceptibility(evidence, Path("qsm"))
        refused = False
    except InputError:
        refused = True
    yield case, _REFUSED, "", refused
    yield from _spoken(case, qsm_findings(evidence, "qsm"))


def _judge_lesions(case: str, flair: Volume, lesions: Volume, brain: Volume) -> Iterator[Outcome]:
    yield from _spoken(case, lesion_findings(measure_lesions(flair, lesions, brain), "lesions"))


def _spoken(case: str, findings: tuple[Finding, ...]) -> Iterator[Outcome]:
    for finding in findings:
        yield case, finding.measure, finding.value, bool(finding.warning)


if __name__ == "__main__":
    main()
