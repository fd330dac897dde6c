"""A brain of one tissue, so small that tests of lesions take no time."""

import numpy as np

from qsmrim_app.simulation.anatomy import Anatomy
from qsmrim_app.simulation.grids import ScanGrid


def white_block(shape=(80, 80, 20), spacing_mm=(0.75, 0.75, 3.0)):
    """White matter with a ventricle in the middle and a border without brain."""
    grid = ScanGrid(shape, np.diag([*spacing_mm, 1.0]), (1, 1, 3))
    fine = grid.fine_shape
    brain = np.zeros(fine, dtype=bool)
    brain[3:-3, 3:-3, 3:-3] = True
    ventricles = np.zeros(fine, dtype=bool)
    ventricles[36:44, 20:60, 20:40] = True
    nothing = np.zeros(fine, dtype=np.float32)
    white = (brain & ~ventricles).astype(np.float32)
    none = np.zeros(fine, dtype=bool)
    return Anatomy(
        grid=grid,
        mni_to_world=np.eye(4),
        grey=nothing,
        white=white,
        csf=ventricles.astype(np.float32),
        brain=brain,
        ventricles=ventricles,
        infratentorial=none,
        nuclei_ppb=nothing,
        nuclei=nothing,
    )
