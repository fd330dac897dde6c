from typing import Any

from qsmrim_app.reports.evaluation_extras import extra_sections
from qsmrim_app.reports.sections import by_method, markdown_section

FIGURE = {"value": 0.7, "low": 0.61, "high": 0.78, "n_draws": 2000}
NUMBER = {"value": 31, "low": 20, "high": 40, "n_draws": 2000}
UNDEFINED = {"value": None, "low": None, "high": None, "n_draws": 0}


def _metrics() -> dict[str, Any]:
    names = ("tp", "fp", "fn", "tn", "sensitivity", "specificity", "ppv", "f1", "accuracy")
    counts = dict(zip(names, (1, 2, 3, 4, 0.1, 0.2, 0.3, None, 0.5), strict=True))
    cell = {"n_lesions": 8, "n_disagree": 3, "share": FIGURE}
    review = {"threshold": 0.05, "sensitivity": FIGURE, "saved": FIGURE, "paper_saved": FIGURE}
    main = {
        "threshold_modes": {"scored-fold": counts, "cross-fitted": counts, "strict": counts},
        "high_sensitivity": review | dict.fromkeys(("fp", "to_review", "paper_to_review"), NUMBER),
        "raters": {
            "n_lesions": 100,
            "n_disagree": 9,
            "kappa": FIGURE,
            "disagreement": {"tp": cell, "fp": cell, "fn": cell | {"share": UNDEFINED}, "tn": cell},
        },
    }
    site = {"n_subjects": 3, "n_lesions": 40, "n_rim": 2, "pr_auc": UNDEFINED, "ppv": FIGURE}
    flair = {"threshold_modes": {"cross-fitted": counts}, "high_sensitivity": {}, "raters": {}}
    return {"variants": {"main": main, "flair": flair}, "sites": {"main": {"a|b": site}}}


def test_every_part_is_a_row_of_its_table():
    lines = "\n".join(map(markdown_section, extra_sections(_metrics()))).splitlines()
    counts, figure = "| 1 | 2 | 3 | 4 | 0.100 | 0.200 | 0.300 | undefined | 0.500 |", "0.700 (0.610 to 0.780)"
    for line in (
        f"| main | on the scored fold itself (optimistic) {counts}",
        f"| main | on an inner split of the training subjects {counts}",
        f"| flair | on the other folds (the figures above) {counts}",
        f"| main | {figure} | 31 (20 to 40) | 31 (20 to 40) | {figure} | 31 (20 to 40) | {figure} |",
        "| Lesions | main | Paper, its data |",
        f"| False positives | 3 of 8: {figure} | 40.9 % |",
        "| False negatives | 3 of 8: undefined (no interval) | 35.1 % |",
        f"| a\\|b | main | 3 | 40 | 2 | undefined (no interval) | undefined | undefined | {figure} |",
    ):
        assert line in lines
    assert f"(main: {figure}, 9 disagreements in 100 lesions)" in "\n".join(lines)


def test_a_model_without_them_has_none():
    assert extra_sections({"variants": {"main": {"n_lesions": 3}}}) == ()
    nothing = {"threshold_modes": {}, "high_sensitivity": {}, "raters": {}}
    assert extra_sections({"variants": {"main": nothing}, "sites": {}}) == ()


def test_sections_of_methods_stand_in_one_table_by_title():
    both = {name: extra_sections(_metrics()) for name in ("net", "forest")}
    merged = by_method(both)
    assert [section.title for section in merged] == [section.title for section in both["net"]]
    sites = merged[-1]
    assert sites.head[:3] == ("Method", "Site", "Outlines")
    assert [row[:2] for row in sites.rows] == [("net", "a|b"), ("forest", "a|b")]
    assert by_method({}) == ()
