import numpy as np

from qsmrim_app.simulation.background import BackgroundPlan, outer_sources
from qsmrim_app.simulation.susceptibility import field_of
from tests.simulation.anatomies import white_block


def test_sources_lie_outside_and_their_field_inside_is_harmonic():
    anatomy = white_block()
    sources = outer_sources(BackgroundPlan(60.0, 0.0, 3), anatomy)
    assert not sources[anatomy.brain].any()
    assert 20 < sources[~anatomy.brain].std() < 150
    spacing = anatomy.grid.fine_spacing_mm
    field = field_of(sources, spacing, (0.0, 0.0, 1.0))
    laplacian = sum(
        (np.roll(field, 1, axis) - 2 * field + np.roll(field, -1, axis)) / size**2
        for axis, size in enumerate(spacing)
    )
    inner = (slice(20, 60), slice(20, 60), slice(20, 40))
    assert field[inner].std() > 0.05
    assert np.abs(laplacian[inner]).max() < 0.05 * field[inner].std()
