from io import BytesIO

import numpy as np
from PIL import Image

from qsmrim_app.evaluation.reliability import ReliabilityBin
from qsmrim_app.reports.figures import reliability_figure

EMPTY = ReliabilityBin(0.1, 0.2, 0, 0, np.nan, np.nan, np.nan, np.nan)


def _curves(share):
    bins = (ReliabilityBin(0.0, 0.1, 90, 3, 0.03, share, 0.01, 0.3), EMPTY)
    return {"before": bins, "after": bins}


def test_a_panel_for_each_kind_of_outline():
    one, two = (
        Image.open(BytesIO(reliability_figure(curves)))
        for curves in ({"main": _curves(0.1)}, {"main": _curves(0.1), "flair": _curves(0.2)})
    )
    assert one.format == "PNG"
    assert two.width == 2 * one.width
    assert len(np.unique(np.asarray(one.convert("L")))) > 10


def test_the_same_curves_give_the_same_bytes():
    assert reliability_figure({"main": _curves(0.1)}) == reliability_figure({"main": _curves(0.1)})
    assert reliability_figure({"main": _curves(0.1)}) != reliability_figure({"main": _curves(0.5)})


def test_curves_without_lesions():
    nothing = {"before": (EMPTY,), "after": (EMPTY,)}
    assert reliability_figure({"main": nothing}).startswith(b"\x89PNG")
