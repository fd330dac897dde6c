"""The columns of the lesion table: dtype, unit and meaning of each, in the order of writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "number", "text", "flag"]  # a flag is 1, 0 or n/a

# Why a lesion was not classified -> what to tell the reader. A lesion has at most one of these.
EXCLUSION_REASONS: Mapping[str, str] = {
    "not_on_grid": "fills no voxel of the QSM by half: thinner than a slice, or outside its field of view",
    "too_small": "below the smallest volume or number of voxels that is classified",
    "too_large": "above the largest volume that is classified",
    "flat_or_straight": "a single voxel or a straight row of voxels: texture and shape are undefined",
    "no_qsm": "the QSM is zero or undefined in the lesion",
    "no_flair": "the FLAIR is zero in the lesion, as outside its field of view",
    "implausible_qsm": "the QSM spans more within the lesion than any tissue does",
    "radiomics_failed": "the features could not be computed; the log says why",
}

UNLIKE_TRAINING = "unlike_training"
# Something the reader should know of a lesion that was classified; several are joined by commas.
LESION_FLAGS: Mapping[str, str] = {
    "cropped": "larger than the patch: the network saw its centre only",
    "features_imputed": "some features were undefined and took the training median",
    "at_border": "touches the border of the QSM field of view",
    UNLIKE_TRAINING: "its features lie far from those of the lesions that the model was trained on "
    "(training_distance above 3): its probability is not to be relied on",
    "partly_outside_head": "more than a tenth of the lesion lies outside the brain mask",
    "partly_without_qsm": "the QSM is exactly 0, so not measured, in more than a tenth of the lesion",
    "partly_without_flair": "the FLAIR is exactly 0, so not measured, in more than a tenth of the lesion",
}


@dataclass(frozen=True)
class Column:
    """One column: ``kind`` fixes dtype and missing value, the rest goes into the JSON sidecar.

    ``levels`` are all values; ``parts`` are those that a value joins by commas, which BIDS has no word for.
    """

    kind: Kind
    description: str
    units: str | None = None
    levels: Mapping[str, str] | None = None
    parts: Mapping[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False


_YES_NO = {"1": "yes", "0": "no"}
_RIM = {"1": "rim positive", "0": "rim negative"}

KEY_COLUMNS: tuple[str, ...] = ("subject", "session", "index")

LESION_COLUMNS: Mapping[str, Column] = {
    "subject": Column("text", "Participant label without 'sub-'", required=True),
    "session": Column("text", "Session label without 'ses-'; n/a where the dataset has no sessions"),
    "index": Column("integer", "Value of the lesion in the label image", minimum=1, required=True),
    "name": Column("text", "Name of the lesion, from the input table where it has one", required=True),
    "volume_mm3": Column("number", "Volume of the lesion on the QSM grid", "mm^3", minimum=0),
    "x_mm": Column("number", "Centre of mass, world coordinate of the QSM, positive to the right", "mm"),
    "y_mm": Column("number", "Centre of mass, world coordinate of the QSM, positive to the front", "mm"),
    "z_mm": Column("number", "Centre of mass, world coordinate of the QSM, positive upwards", "mm"),
    "qsm_mean_ppb": Column("number", "Mean susceptibility in the lesion", "ppb"),
    "p_rim": Column(
        "number", "Probability of a rim: the median of the ensemble members", minimum=0, maximum=1
    ),
    "p_rim_mean": Column("number", "Mean of the members' probabilities", minimum=0, maximum=1),
    "p_rim_sd": Column("number", "Standard deviation of the members' probabilities (population)", minimum=0),
    "votes": Column("integer", "Members whose probability reaches the threshold", minimum=0),
    "rim_predicted": Column("flag", "Predicted rim status: p_rim at or above the threshold", levels=_RIM),
    "rim_expert": Column("flag", "Rim status given by the expert consensus", levels=_RIM),
    "rim_rater1": Column("flag", "Rim status given by the first rater", levels=_RIM),
    "rim_rater2": Column("flag", "Rim status given by the second rater", levels=_RIM),
    "rim_truth": Column("flag", "Rim status in a simulation; absent in real data", levels=_RIM),
    "fold": Column("integer", "Cross-validation fold that held the lesion out", minimum=0),
    "in_training_set": Column("flag", "Whether the model was trained on this lesion", levels=_YES_NO),
    "training_distance": Column(
        "number",
        "How far its features lie from those of the lesions that the model was trained on: their root mean "
        "square in standard deviations, about 1 for these; n/a where the model cannot say",
        minimum=0,
    ),
    "excluded_because": Column("text", "Why the lesion was not classified", levels=EXCLUSION_REASONS),
    "flags": Column("text", "What to know of the lesion, comma-separated", parts=LESION_FLAGS),
}
