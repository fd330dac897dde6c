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
from qsmrim_app.preprocessing.lesion_evidence import measure_lesions
from qsmrim_app.preprocessing.plausibility import lesion_findings, qsm_findings, require_susceptibility
from qsmrim_app.preprocessing.qsm_evidence import measure_qsm
from qsmrim_app.preprocessing.registration_pair import Pair, best_start, make_pair, similarity_drop
from qsmrim_app.preprocessing.registration_sitk import register_with_sitk
from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.records import Finding, FloatArray, Volume
from qsmrim_app.settings import PreprocessingSettings
from studies.cohort_files import Participant, find_cohort, find_semireal
from studies.faults import Images, flair_faults, lesion_faults, moved, qsm_faults, read_images
from studies.gathering import spread_over_reconstructions

_SHIFT_MM = (0.0, 20.0, 0.0)
_REFUSED = "refused"
_THOROUGH = 4  # a second registration for every fourth participant: it takes as long as all else

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
    other: Volume | None = None
    for number, person in enumerate(people, start=1):
        images = read_images(person)
        for case, check, value, spoke in outcomes(images, other, thorough=number % _THOROUGH == 1):
            found[case, check].append((value, spoke))
        other = images.lesions
        print(f"{number} of {len(people)}: {person.label}", file=sys.stderr, flush=True)
    lines = [f"{name} | check | n | spoke | lowest | highest", "---|---|--:|--:|--:|--:"]
    for (case, check), cells in found.items():
        numbers = [float(value) for value, _ in cells if value not in ("", "not judged")]
        span = f"{min(numbers):g} | {max(numbers):g}" if numbers else " | "
        lines.append(f"{case} | {check} | {len(cells)} | {sum(spoke for _, spoke in cells)} | {span}")
    return "\n".join(lines)


def outcomes(images: Images, other: Volume | None, thorough: bool) -> Iterator[Outcome]:
    """Every check on one participant, right and with each fault.

    ``other`` are lesions of somebody else; a second registration is made where it is to be ``thorough``.
    """
    for case, qsm in qsm_faults(images):
        yield from _judge_qsm(case, qsm, images.brain)
    pair = make_pair(images.magnitude, images.flair, images.brain)
    motion = register_with_sitk(pair, best_start(pair), PreprocessingSettings())
    yield _judge_place("as it is", pair, motion)
    shift = np.eye(4)
    shift[:3, 3] = _SHIFT_MM
    yield _judge_place("FLAIR 20 mm off, not registered", pair, shift @ motion)
    if thorough:
        again = make_pair(images.magnitude, moved(images.flair, _SHIFT_MM), images.brain)
        found = register_with_sitk(again, best_start(again), PreprocessingSettings())
        yield _judge_place("FLAIR 20 mm off, registered", again, found)
    flair = resample_image(images.flair, images.qsm, motion)
    for case, wrong in flair_faults(images, flair, motion):
        yield from _judge_lesions(case, wrong, images.lesions, images.brain)
    for case, lesions in lesion_faults(images, other, motion):
        yield from _judge_lesions(case, flair, lesions, images.brain)


def _judge_place(case: str, pair: Pair, motion: FloatArray) -> Outcome:
    drop = similarity_drop(pair, motion)
    return case, "mutual information lost if moved", f"{drop:.3f}", drop < 0


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
