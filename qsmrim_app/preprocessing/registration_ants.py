"""Linear registration with ANTs: slower than SimpleITK, for those whose protocol asks for it."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from qsmrim_app.errors import PreprocessingError
from qsmrim_app.preprocessing.itk_bridge import RAS_TO_LPS, to_itk
from qsmrim_app.preprocessing.registration_pair import Pair
from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import PreprocessingSettings

_KINDS = {"rigid": "Rigid", "affine": "Affine"}


def register_with_ants(pair: Pair, start: FloatArray, settings: PreprocessingSettings) -> FloatArray:
    """The motion that makes the two images most alike; arguments and result as in `register_with_sitk`.

    ANTs runs on one thread: with more, its last digits change from machine to machine.

    Raises
    ------
    PreprocessingError
        If ANTs fails.
    """
    import ants  # takes seconds to load and is not the default

    moving = Volume(pair.moving.data, np.linalg.inv(start) @ pair.moving.affine)  # begins at the identity
    ants.config.set_ants_deterministic(True, settings.random_seed + 1)  # 0 is the clock
    try:
        with tempfile.TemporaryDirectory(
            prefix="qsmrim-ants-"
        ) as folder:  # ANTs leaves *0GenericAffine.mat behind
            result = ants.registration(
                fixed=to_ants(pair.fixed),
                moving=to_ants(moving),
                mask=to_ants(pair.mask),
                type_of_transform=_KINDS[settings.registration],
                initial_transform="Identity",
                aff_random_sampling_rate=settings.sampling_fraction,
                outprefix=f"{folder}/",
            )
            transform = ants.read_transform(result["fwdtransforms"][0])
            return start @ ants_world_matrix(transform)
    except (RuntimeError, ValueError, IndexError) as error:
        raise PreprocessingError(
            f"registration (ANTs) failed: {error}; look at both images, or register by header"
        ) from error
    finally:
        ants.config.set_ants_deterministic(False, None)


def to_ants(volume: Volume) -> Any:
    """An ANTs image, float32, with the same voxels at the same places."""
    import ants

    image = to_itk(volume)  # for its geometry
    return ants.from_numpy(
        volume.data.astype(np.float32),
        origin=image.GetOrigin(),
        spacing=image.GetSpacing(),
        direction=np.array(image.GetDirection()).reshape(3, 3),
    )


def ants_world_matrix(transform: Any) -> FloatArray:
    """ITK's affine x -> A (x - c) + c + t on LPS points, as a (4, 4) matrix on RAS points."""
    parameters, centre = np.array(transform.parameters), np.array(transform.fixed_parameters)
    matrix = np.eye(4)
    matrix[:3, :3] = parameters[:9].reshape(3, 3)
    matrix[:3, 3] = parameters[9:] + centre - matrix[:3, :3] @ centre
    return np.asarray(RAS_TO_LPS @ matrix @ RAS_TO_LPS)
