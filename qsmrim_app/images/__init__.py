"""NIfTI files in and out as volumes, susceptibility units, grids.

The only place that knows nibabel. In memory every volume is in RAS+ axis order, susceptibility is in ppb and
labels are int32, whatever the file holds.
"""

from qsmrim_app.images.digest import map_digest
from qsmrim_app.images.grids import grid_with_spacing, require_same_grid, same_grid
from qsmrim_app.images.intensity import relative_to_median, robust_z_score
from qsmrim_app.images.orientation import in_storage_order, to_ras
from qsmrim_app.images.reading import MAX_VOXELS, Loaded, load_image, load_labels, read_grid
from qsmrim_app.images.units import PPB_PER_PPM, susceptibility_unit, to_ppb, to_ppm
from qsmrim_app.images.writing import nifti_bytes, save_volume

__all__ = [
    "MAX_VOXELS",
    "PPB_PER_PPM",
    "Loaded",
    "grid_with_spacing",
    "in_storage_order",
    "load_image",
    "load_labels",
    "map_digest",
    "nifti_bytes",
    "read_grid",
    "relative_to_median",
    "require_same_grid",
    "robust_z_score",
    "same_grid",
    "save_volume",
    "susceptibility_unit",
    "to_ppb",
    "to_ppm",
    "to_ras",
]
