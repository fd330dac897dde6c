from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from qsmrim_app.evaluation.curves import partial_roc, precision_recall
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.reports import cohort_figures, count_figures, curve_figures
from qsmrim_app.reports.cohort_figures import group_names, lesion_figure, rim_counts_figure
from qsmrim_app.reports.count_figures import counts_figure
from qsmrim_app.reports.curve_figures import curves_figure
from qsmrim_app.reports.example_figures import Example, examples_figure, slice_figure
from qsmrim_app.reports.flow_figure import FlowStep, flow_figure
from qsmrim_app.reports.lesion_pictures import picture_from_case, picture_from_patch
from qsmrim_app.reports.pictures import grey_images
from qsmrim_app.reports.plotting import panels, png_of
from tests.phantoms import phantom_case
from tests.reports.cohorts import evaluation_of


@pytest.fixture
def drawn(monkeypatch):
    """The axes of the figures that are turned into bytes."""
    seen: list[list[Axes]] = []

    def keep(figure, note=""):
        seen.append(figure.get_axes())
        return png_of(figure, note)

    for module in (cohort_figures, count_figures, curve_figures):
        monkeypatch.setattr(module, "png_of", keep)
    return seen


def _legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_groups_are_those_of_the_folds():
    assert group_names() == ("0", "1–3", "4–6", "> 6")


def test_bars_are_the_subjects_with_so_many_rims(drawn):
    rim_counts_figure({"a": 0, "b": 0, "c": 2, "d": 9}, "expert")
    ((axes,),) = drawn
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in axes.patches}
    assert {place: height for place, height in heights.items() if height} == {0: 2, 2: 1, 9: 1}
    assert _legend(axes) == ["0 rim+ (n = 2)", "1–3 rim+ (n = 1)", "4–6 rim+ (n = 0)", "> 6 rim+ (n = 1)"]


def test_curves_are_those_of_the_evaluation_and_the_legend_its_areas(drawn):
    card = evaluation_of(np.random.default_rng(3)).cards["main"]
    curves_figure({"net": card})
    ((partial, pr, whole),) = drawn
    lesions = card.lesions
    curve = partial_roc(lesions.p_rim, lesions.rim, lesions.folds).mean
    np.testing.assert_array_equal(partial.lines[0].get_xdata(), curve.x)
    np.testing.assert_array_equal(partial.lines[0].get_ydata(), curve.y)
    assert partial.lines[0].get_drawstyle() == "steps-post"
    assert pr.lines[0].get_drawstyle() == "steps-pre"
    np.testing.assert_array_equal(
        pr.lines[0].get_ydata(), precision_recall(lesions.p_rim, lesions.rim, lesions.folds).mean.y
    )
    for axes, name in ((partial, "proc_auc"), (pr, "pr_auc"), (whole, "roc_auc")):
        assert _legend(axes)[0] == f"net: AUC {card.figures[name].value:.3f}"


def test_points_are_the_counts_of_subjects_moved_by_less_than_half_a_lesion(drawn):
    found = evaluation_of(np.random.default_rng(3))
    counts_figure({"net": found.cards["main"]})
    ((axes,),) = drawn
    points = np.asarray(axes.collections[-1].get_offsets())
    expected = [row[2:] for row in found.count_rows()]
    assert np.abs(points - np.array(expected)).max() < 0.5
    assert f"r = {found.cards['main'].count_r.value:.2f}" in axes.get_title()


def test_figures_of_one_rim_and_of_none(drawn):
    for n_rim in (0, 1):
        card = evaluation_of(np.random.default_rng(0), n=40, n_rim=n_rim).cards["main"]
        curves_figure({"net": card})
        counts_figure({"net": card})
    assert "r undefined" in drawn[1][0].get_title()  # r is undefined where the expert found nothing
    rim_counts_figure({}, "expert")
    nothing = np.zeros(0)
    lesion_figure(nothing, nothing, nothing, [])
    lesion_figure(np.full(2, 5.0), np.full(2, 5.0), np.array([1, np.nan]), [2])


def test_the_same_drawing_gives_the_same_bytes_and_a_note_others():
    def draw(note=""):
        return flow_figure(
            [FlowStep(("5 participants",), ("1 $failed$",)), FlowStep(("4",))], ("1 rim+", "2"), note
        )

    assert draw() == draw()
    assert draw("simulated lesions") != draw()


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (4, 3, 2), (7, 3, 3)])
def test_panels_stand_three_a_row(n, columns, rows):
    figure, grid = panels(n, 2, 1)
    assert len(grid) == n
    assert figure.get_figwidth() == 2 * columns
    assert figure.get_figheight() == pytest.approx(rows, abs=0.3)


# ---- pictures of lesions -----------------------------------------------------------------------------------
def test_a_lesion_amid_its_surroundings():
    case = phantom_case()
    lesion = find_lesions(case.lesions)[0]
    picture = picture_from_case(case, lesion, grey_images(case))
    assert not picture.from_patch
    assert picture.lesion.any()
    assert picture.qsm.shape == picture.flair.shape == picture.lesion.shape
    assert (picture.qsm[~picture.lesion] > 0).any()


def test_a_patch_is_shown_where_it_has_most_of_the_lesion_and_right_is_on_the_left():
    patch = np.zeros((2, 8, 8, 4), dtype=np.float32)
    patch[:, 1:3, 5:7, 2] = 50
    patch[:, 1, 5, 1] = 50
    picture = picture_from_patch(patch, (1.0, 1.0, 3.0))
    assert picture.view.index == 2
    assert picture.from_patch
    rows, columns = np.nonzero(picture.lesion)
    assert sorted(set(rows.tolist())) == [1, 2]  # anterior is at the top
    assert sorted(set(columns.tolist())) == [5, 6]  # i = 1, 2 of 8: the left of the patient is on the right
    assert (picture.qsm[~picture.lesion] == 0).all()


def test_examples_and_slice_are_drawn():
    case = phantom_case()
    lesions = find_lesions(case.lesions)
    grey = grey_images(case)
    examples = [Example(picture_from_case(case, lesion, grey), "a_$1$, lesion") for lesion in lesions[:4]]
    full = Image.open(BytesIO(examples_figure({"tp": examples, "tn": examples[:1]}, "simulated lesions")))
    none = Image.open(BytesIO(examples_figure({})))
    assert full.width == none.width
    assert full.height > 2 * none.height  # a cell without lesions is a line
    assert (np.asarray(full.convert("L")) < 10).mean() > (np.asarray(none.convert("L")) < 10).mean()
    first, second = lesions[0], lesions[1]
    voxel = tuple(round(c) for c in first.center_vox)
    both = slice_figure(case, first.index, second.index, voxel)
    assert both.startswith(b"\x89PNG")
    assert slice_figure(replace(case), first.index, None, voxel).startswith(b"\x89PNG")
