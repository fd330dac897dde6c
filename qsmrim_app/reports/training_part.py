"""How good the trained methods are: the parts of a group page that follow from held-out subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsmrim_app.evaluation.platt import Calibration
from qsmrim_app.evaluation.scorecard import Scorecard
from qsmrim_app.reports.count_figures import counts_figure
from qsmrim_app.reports.curve_figures import curves_figure
from qsmrim_app.reports.evaluation_extras import extra_sections
from qsmrim_app.reports.evaluation_section import calibration_section, how_measured
from qsmrim_app.reports.group_page import PageFigure, Part
from qsmrim_app.reports.method_tables import (
    comparison_table,
    counts_table,
    difference_table,
    fold_thresholds_table,
    operating_point_table,
    published_table,
)
from qsmrim_app.reports.model_card import VARIANT_COLUMNS
from qsmrim_app.reports.sections import Section, by_method

_RATERS = "Two raters"
_SITES = "Sites"


@dataclass(frozen=True, eq=False)
class MethodResult:
    """What held-out subjects say of one method.

    Parameters
    ----------
    metrics
        As in ``evaluation.json``.
    cards
        Kind of outline -> scorecard, the main one first.
    calibration, operating_points
        Of the model trained on everything.
    reliability_png
        The calibration figure.
    examples_png
        Pictures of right and wrong calls.
    """

    metrics: Mapping[str, Any]
    cards: Mapping[str, Scorecard]
    calibration: Calibration
    operating_points: Mapping[str, float]
    reliability_png: bytes
    examples_png: bytes


def training_parts(
    results: Mapping[str, MethodResult],
    counts: Mapping[str, Mapping[str, int]],
    differences: Sequence[Sequence[Any]],
    note: str,
) -> tuple[Part, ...]:
    """The parts, in the order to show.

    Parameters
    ----------
    results
        Method -> result; at least one, all on the same lesions.
    counts
        Kind of outline, or what only trains -> its counts by the names of `VARIANT_COLUMNS`.
    differences
        Rows of ``models/comparison.tsv``; none of a single method.
    note
        What every drawing must say, or empty.
    """
    metrics = {method: result.metrics for method, result in results.items()}
    extras = {
        section.title: section for section in by_method({m: extra_sections(t) for m, t in metrics.items()})
    }
    return (
        _figures_part(results, metrics, counts, differences, note),
        _thresholds_part(results, metrics, extras),
        _subjects_part(results, note),
        _calibration_part(results, metrics),
        *_readers_part(extras),
        _examples_part(results),
    )


def _figures_part(
    results: Mapping[str, MethodResult],
    metrics: Mapping[str, Mapping[str, Any]],
    counts: Mapping[str, Mapping[str, int]],
    differences: Sequence[Sequence[Any]],
    note: str,
) -> Part:
    sections = [_learnt_from(counts), comparison_table(metrics)]
    if differences:
        sections.append(difference_table(differences))
    figures = tuple(
        PageFigure(
            f"curves_{variant}",
            f"Curves, outlines: {variant}",
            "Each curve is the mean of the folds' step curves; the areas are those of the table above. "
            "(Compare Figure 6 of the paper.)",
            curves_figure({method: result.cards[variant] for method, result in results.items()}, note),
        )
        for variant in _variants(results)
    )
    how = how_measured(next(iter(metrics.values())))
    return Part("methods", "How good the methods are", (how,), tuple(sections), figures, (published_table(),))


def _learnt_from(counts: Mapping[str, Mapping[str, int]]) -> Section:
    return Section(
        "What trained and what was scored",
        ("Part", *VARIANT_COLUMNS.values()),
        tuple((name, *(str(found[column]) for column in VARIANT_COLUMNS)) for name, found in counts.items()),
        "main: the lesions of the cohort; then other outlines of them, and what only trains. Lesions that "
        "were not classified or have no rating neither train nor count.",
    )


def _thresholds_part(
    results: Mapping[str, MethodResult],
    metrics: Mapping[str, Mapping[str, Any]],
    extras: Mapping[str, Section],
) -> Part:
    points = operating_point_table(
        {method: result.operating_points for method, result in results.items()},
        {method: result.calibration for method, result in results.items()},
    )
    rest = tuple(section for title, section in extras.items() if title not in (_RATERS, _SITES))
    return Part("thresholds", "Thresholds", (), (*rest, points), (), (fold_thresholds_table(metrics),))


def _subjects_part(results: Mapping[str, MethodResult], note: str) -> Part:
    by_variant = {
        variant: {method: result.cards[variant] for method, result in results.items()}
        for variant in _variants(results)
    }
    figures = tuple(
        PageFigure(
            f"counts_{variant}",
            f"Predicted against expert count, outlines: {variant}",
            "A point a subject, moved a little so that equal ones are seen. Solid: least-squares line "
            "with the 95 % band of its mean; dashed: identity. (Compare Figure 7 of the paper.)",
            counts_figure(cards, note),
        )
        for variant, cards in by_variant.items()
    )
    tables = tuple(counts_table(cards, variant) for variant, cards in by_variant.items())
    return Part("subjects", "Rim+ lesions of a subject", (), (), figures, tables)


def _calibration_part(results: Mapping[str, MethodResult], metrics: Mapping[str, Mapping[str, Any]]) -> Part:
    section = by_method({method: (calibration_section(told),) for method, told in metrics.items()})
    figures = tuple(
        PageFigure(
            f"reliability_{method}",
            f"Calibration of {method}",
            "Share of rim+ lesions against mean p_rim in bins with fixed edges. Temperature and shift were "
            "fitted on the other folds.",
            result.reliability_png,
        )
        for method, result in results.items()
    )
    return Part("calibration", "Calibration", (), section, figures)


def _readers_part(extras: Mapping[str, Section]) -> tuple[Part, ...]:
    sections = tuple(extras[title] for title in (_RATERS, _SITES) if title in extras)
    names = " and ".join(section.title.lower() for section in sections)
    return (Part("raters-and-sites", names.capitalize(), (), sections),) if sections else ()


def _examples_part(results: Mapping[str, MethodResult]) -> Part:
    figures = tuple(
        PageFigure(
            f"examples_{method}",
            f"Right and wrong calls of {method}",
            "Of the called lesions those with the highest, of the others those with the lowest "
            "probability; QSM on the left, FLAIR on the right of each pair, the patient's right on the "
            "left. Where the images do not lie beside the tables, the lesion alone is shown, as the "
            "method sees it. (Compare Figure 8 of the paper.)",
            result.examples_png,
        )
        for method, result in results.items()
    )
    return Part("examples", "Examples", figures=figures)


def _variants(results: Mapping[str, MethodResult]) -> list[str]:
    return list(next(iter(results.values())).cards)
