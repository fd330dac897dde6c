"""From settings to an untrained network."""

from __future__ import annotations

from torch import nn

from qsmrim_app.networks.qsmrim_net import QsmRimNet
from qsmrim_app.networks.rimnet import RimNet
from qsmrim_app.settings import DetectorSettings


def build_network(settings: DetectorSettings) -> nn.Module:
    """An untrained network; ``network(patches, features, labels, generator)`` is a `NetworkOutput`.

    Raises
    ------
    ValueError
        If the settings name parts that do not make a network.
    """
    if settings.network.architecture == "rimnet":
        return RimNet(settings.network.width, settings.patch.shape_vox)
    return QsmRimNet(settings.network)
