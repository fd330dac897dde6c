"""The words of ``docs/simulation.md`` around the tables and pictures."""

from __future__ import annotations

from studies.cohort_table import cohort_table
from studies.gathering import CohortMeasures, RealVolumes
from studies.lesion_tables import class_table, layer_table, rater_table, volume_table
from studies.map_table import map_table

HEAD = """# The simulation

<!-- What the simulation does, and its sources: written by hand, here. The part below is replaced by
`make simulation-report`. -->
"""
LESJAK = (
    "FLAIR of the semi-real participants: Ljubljana MS database, Lesjak Ž et al., Neuroinformatics "
    "2018;16:51-63, CC-BY. Their susceptibility maps are simulated by another program, which also drew which "
    "lesions have a rim."
)
_BODY = """Measured on {n} simulated participants by `studies/simulation_report.py`, from their files
alone.{incomplete}

## The cohort

{cohort}

## Lesion volumes, mm³

{volumes}

![Lesion volumes, simulated and real](images/simulation-volumes.png)

## Susceptibility of lesions

{classes}

![Susceptibility of lesions by true class](images/simulation-classes.png)

## How far a number made by hand goes

{layer}

![Susceptibility across the outline of lesions, by true class](images/simulation-profile.png)

*Lesions of at least 40 mm³, faithful masks, by true class: susceptibility above the surroundings against
the distance from the outline within the slice. Median and quartiles over lesions. A rim that its mask
follows peaks just inside the outline.*

## Raters

{raters}

## Whole maps

{maps}

![Percentiles of whole maps above their median](images/simulation-maps.png)

![Axial slices of four simulated participants and a semi-real one](images/simulation-slices.png)

## Lesions as they look

Lesions of at least 40 mm³, drawn with a fixed seed so that sizes and participants are spread; none was
picked. Rim+ and rim− by the simulation's truth; the last rows are those rim− that are brightest against their
surroundings.

![Simulated rim+ lesions](images/simulation-rim-positive.png)

![Simulated rim- lesions and bright ones among them](images/simulation-rim-negative.png)
"""
_SEMIREAL = """
The same of the semi-real participants, a test set: the simulation is not fitted to them.

![Semi-real rim+ lesions](images/simulation-semireal-rim-positive.png)

![Semi-real rim- lesions and bright ones among them](images/simulation-semireal-rim-negative.png)

*{lesjak}*
"""


def report_text(measures: CohortMeasures, real: RealVolumes, with_semireal: bool) -> str:
    """The generated part of the page."""
    left_out = ", ".join(measures.incomplete)
    body = _BODY.format(
        n=measures.n,
        incomplete=f" Left out, because files are missing: {left_out}." if left_out else "",
        cohort=cohort_table(measures),
        volumes=volume_table(measures, real),
        classes=class_table(measures),
        layer=layer_table(measures),
        raters=rater_table(measures),
        maps=map_table(measures.maps),
    )
    return body + (_SEMIREAL.format(lesjak=LESJAK) if with_semireal else "")
