"""What lies on the grid is not touched; what came from the FLAIR is moved, and only that."""

from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.images import grid_with_spacing
from qsmrim_app.preprocessing.grids import Sources, on_grid, vanished
from qsmrim_app.preprocessing.similarity import dice
from qsmrim_app.records import Volume
from tests import phantoms


@pytest.fixture(scope="module")
def qsm():
    return phantoms.draw_head(phantoms.qsm_grid(oblique=True))


@pytest.fixture(scope="module")
def sources(qsm):
    flair = phantoms.draw_head(phantoms.flair_grid(), grid_to_qsm_mm=phantoms.FLAIR_TO_QSM_MM)
    labels = {"lesions": (flair.labels, "FLAIR"), "rim_labels": (qsm.labels, "QSM")}
    return Sources(qsm.qsm, flair.flair, qsm.brain_mask, labels, phantoms.FLAIR_TO_QSM_MM)


def test_on_its_own_grid_the_qsm_is_not_touched(qsm, sources):
    placed = on_grid(sources, sources.qsm)
    assert placed["qsm"].data is sources.qsm.data
    np.testing.assert_array_equal(placed["rim_labels"].data, qsm.labels.data)
    np.testing.assert_array_equal(placed["brain_mask"].data, qsm.brain_mask.data)
    assert placed["brain_mask"].data.dtype == bool


def test_what_came_from_the_flair_lands_on_the_qsm(qsm, sources):
    placed = on_grid(sources, sources.qsm)
    assert placed["lesions"].data.dtype == np.int32
    for label in (1, 2, 3, 4, 5):
        assert dice(placed["lesions"].data == label, qsm.labels.data == label) > 0.85
    still = on_grid(replace(sources, flair_to_qsm=np.eye(4)), sources.qsm)
    inside = qsm.brain_mask.data
    moved_fit, still_fit = (
        np.corrcoef(one["flair"].data[inside], qsm.flair.data[inside])[0, 1] for one in (placed, still)
    )
    assert moved_fit > 0.7  # the slices are averages, the truth is drawn at their middle
    assert still_fit < moved_fit - 0.2


def test_on_the_grid_of_the_model(qsm, sources):
    grid = grid_with_spacing(sources.qsm, (1.0, 1.0, 2.0))
    placed = on_grid(sources, grid)
    assert {volume.shape for volume in placed.values()} == {(48, 48, 30)}
    for name in ("lesions", "rim_labels"):
        volume = (placed[name].data > 0).sum() * grid.voxel_volume_mm3
        expected = (qsm.labels.data > 0).sum() * qsm.labels.voxel_volume_mm3
        assert volume == pytest.approx(expected, rel=0.1)


def test_vanished():
    source = Volume(np.array([[[0, 3, 700]]], dtype=np.int32), np.eye(4))
    assert vanished(source, source) == []
    assert vanished(source, Volume(np.array([[[0, 3]]], dtype=np.int32), np.eye(4))) == [700]
