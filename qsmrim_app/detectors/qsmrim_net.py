"""The detector of the paper: an ensemble of QSMRim-Nets."""

from __future__ import annotations

from torch import nn

from qsmrim_app.detectors.network_ensemble import NetworkEnsemble
from qsmrim_app.networks.qsmrim_net import QsmRimNet
from qsmrim_app.settings import NetworkSettings


class QsmRimNetDetector(NetworkEnsemble):
    """QSMRim-Net, trained with several seeds; the majority of the members decides."""

    @staticmethod
    def build_network(settings: NetworkSettings) -> nn.Module:
        """An untrained QSMRim-Net."""
        return QsmRimNet(settings)
