"""Every knob of qsmrim as frozen dataclasses; `qsmrim_app.plain_data` reads and writes them.

No default hides anywhere else. A variant of the method is a changed field, never a subclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from qsmrim_app import limits
from qsmrim_app.errors import UsageError
from qsmrim_app.limits import require_above_zero, require_range, require_seeds, require_within

RegistrationKind = Literal["rigid", "affine", "header"]
RegistrationBackend = Literal["sitk", "ants"]
ProtocolChoice = Literal["paper", "varied"]
FlairMasks = Literal["merged", "split"]
QsmZero = Literal["as-stored", "brain-median"]
ImplausibleQsm = Literal["refuse", "warn"]
RadiomicsEngine = Literal["vectorised", "pyradiomics"]
Architecture = Literal["qsmrim-net", "rimnet"]
ImageFusion = Literal["concatenate", "rimnet", "no-image"]
Vector3 = tuple[float, float, float]
Shape3 = tuple[int, int, int]

NO_MODEL = "none"  # instead of a model: measure only
SHIPPED_MODEL = "default"  # instead of a model to start from: the one that ships with the app
ALL_METHODS = "all"  # among the methods to train: every one
LEAVE_ONE_SITE_OUT = "leave-one-site-out"  # instead of a number of folds: one fold a site

_VOXEL_EDGES_MM = (0.1, 20.0)  # on which a lesion can be measured, and a head fits into memory
_MARGINS_MM = (0.0, 100.0)
_SHARES = (0.0, 1.0)
_DROPOUTS = (0.0, 0.99)  # something must be left


@dataclass(frozen=True)
class InputSettings:
    """Which files of a dataset play which role."""

    derivatives: Mapping[str, Path] = field(default_factory=dict)  # name -> dataset; given: no other is read
    participants: tuple[str, ...] = ()  # empty: all
    exclude_participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    bids_filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # role -> entity -> value
    lesions_from: str | None = None
    raters: str | None = None
    qsm_acq: str | None = None
    skip_validation: bool = False  # True: dataset_description.json is not checked


@dataclass(frozen=True)
class PreprocessingSettings:
    """From raw images to the QSM grid."""

    registration: RegistrationKind = "rigid"
    backend: RegistrationBackend = "sitk"
    n4_shrink_factor: int = 4
    sampling_fraction: float = 0.2  # share of voxels that the registration looks at
    analysis_spacing_mm: Vector3 | None = None  # None: the voxel size of the model
    min_similarity_gain: float = 0.0  # that registration must exceed, or the header is kept
    implausible_qsm: ImplausibleQsm = "refuse"  # a map of the wrong sign, or of no susceptibility
    random_seed: int = 0

    def __post_init__(self) -> None:
        require_seeds(self.random_seed)
        require_within(self, limits.FROM_1, "n4_shrink_factor")
        if not 0 < self.sampling_fraction <= 1:
            raise UsageError(f"sampling_fraction is {self.sampling_fraction:g}; expected above 0, at most 1")
        require_within(self, _VOXEL_EDGES_MM, "analysis_spacing_mm")


@dataclass(frozen=True)
class LesionSettings:
    """Which lesions are classified. All keep their row."""

    min_volume_mm3: float = 0.0
    max_volume_mm3: float = 1e5
    min_voxels: int = 3  # fewer voxels on the analysis grid than this cannot carry texture features

    def __post_init__(self) -> None:
        require_above_zero(self, "max_volume_mm3", "min_voxels")
        require_range("min_volume_mm3 and max_volume_mm3", (self.min_volume_mm3, self.max_volume_mm3))


@dataclass(frozen=True)
class PatchSettings:
    """The network's view of one lesion (METHOD: patches)."""

    shape_vox: Shape3 = (32, 32, 16)
    margin_mm: float = 2.0  # how far around the lesion the network sees the QSM; 0 is the paper's
    qsm_zero: QsmZero = "brain-median"  # what counts as 0 ppb for patches and features
    qsm_scale_ppb: float = 100.0
    qsm_clip: float = 5.0

    def __post_init__(self) -> None:
        require_above_zero(self, "shape_vox", "qsm_scale_ppb", "qsm_clip")
        require_within(self, _MARGINS_MM, "margin_mm")


@dataclass(frozen=True)
class RadiomicsSettings:
    """The 527 features (METHOD: radiomics)."""

    bin_width_ppb: float = 25.0
    wavelet: Literal["coif1"] = "coif1"
    engine: RadiomicsEngine = "vectorised"  # pyradiomics: the reference, lesion by lesion

    def __post_init__(self) -> None:
        require_above_zero(self, "bin_width_ppb")


@dataclass(frozen=True)
class AugmentationSettings:
    """Ranges, (low, high), from which each augmentation is drawn; the last four are not the paper's."""

    flip_probability: float = 0.5
    scale: tuple[float, float] = (0.95, 1.05)
    rotation_deg: tuple[float, float] = (-5.0, 5.0)
    blur_in_plane_vox: tuple[float, float] = (0.1, 0.95)
    blur_through_plane_vox: tuple[float, float] = (0.03, 0.3)
    qsm_gain: tuple[float, float] = (1.0, 1.0)  # reconstructions differ in how much of a contrast they keep
    qsm_offset_ppb: tuple[float, float] = (0.0, 0.0)  # and in their zero
    flair_gain: tuple[float, float] = (1.0, 1.0)  # scanners differ in how bright a lesion is
    feature_noise_sd: float = 0.0  # added to the standardised features

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, tuple):
                require_range(name, value)
        require_within(self, _SHARES, "flip_probability")
        require_within(self, (0.0, 100.0), "feature_noise_sd")


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes and parts of a network; width 64 is the paper's.

    The last four say which network it is. A method fixes them, so they are no choice beside its name.
    """

    width: int = 64
    n_features: int = 527
    radiomic_hidden: int = 1024
    embedding: int = 512  # of each branch, and of DeepSMOTE
    radiomic_dropout: float = 0.3
    classifier_hidden: int = 128
    classifier_dropout: float = 0.5
    deep_smote: bool = True  # synthetic rim+ rows in training
    radiomics: bool = True  # False: no radiomic branch
    fusion: ImageFusion = "concatenate"  # how QSM and FLAIR meet: as channels, or as two branches; or neither
    architecture: Architecture = "qsmrim-net"

    def __post_init__(self) -> None:
        require_above_zero(self, "width", "radiomic_hidden", "embedding", "classifier_hidden")
        require_within(self, _DROPOUTS, "radiomic_dropout", "classifier_dropout")


@dataclass(frozen=True)
class TrainingSettings:
    """One optimisation schedule, for every network of the project."""

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 1e-4
    milestones: tuple[float, ...] = (0.5, 0.7, 0.9)  # shares of the epochs
    decay: float = 0.1
    augment: bool = True
    feature_clip: float = 10.0  # standardised features are clipped to +- this

    def __post_init__(self) -> None:
        require_above_zero(self, "epochs", "learning_rate", "decay", "feature_clip")
        require_within(self, _SHARES, "milestones")
        require_within(self, limits.FROM_2, "batch_size")  # batch normalisation


@dataclass(frozen=True)
class ForestSettings:
    """The random forest of ``aprl-rf`` (METHOD: comparators); other values are scikit-learn's own."""

    n_trees: int = 500
    min_rows_per_leaf: int = 1
    max_depth: int | None = None  # None: until the leaves are pure
    features_per_split: int | None = None  # drawn for each split; None: the square root of their number
    smote: bool = True  # synthetic rim+ rows in training
    smote_neighbours: int = 5

    def __post_init__(self) -> None:
        require_within(self, (1, limits.MAX_TREES), "n_trees")
        require_within(self, limits.FROM_1, "min_rows_per_leaf", "max_depth", "features_per_split")
        require_within(self, limits.FROM_1, "smote_neighbours")


@dataclass(frozen=True)
class DetectorSettings:
    """All that defines a trainable method; stored in the model bundle."""

    method: str = "qsmrim-net"
    spacing_mm: Vector3 = (0.75, 0.75, 3.0)
    patch: PatchSettings = PatchSettings()
    radiomics: RadiomicsSettings = RadiomicsSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    forest: ForestSettings = ForestSettings()

    def __post_init__(self) -> None:
        require_above_zero(self, "spacing_mm")


@dataclass(frozen=True)
class ResourceSettings:
    """What the program may use of the machine."""

    nprocs: int = 1
    omp_nthreads: int = 1
    memory_gb: float = 8.0
    session_memory_gb: float = 2.0  # that one session may take; decides how many run at once
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    inference_batch: int = 64
    nipype_plugin: Path | None = None  # a nipype plugin file (YAML) for the preprocessing nodes
    stop_on_first_crash: bool = False

    def __post_init__(self) -> None:
        require_above_zero(
            self, "nprocs", "omp_nthreads", "memory_gb", "session_memory_gb", "inference_batch"
        )


@dataclass(frozen=True)
class ParticipantSettings:
    """One call of the participant level."""

    bids_dir: Path
    output_dir: Path
    work_dir: Path | None = None
    model: Path | None = None  # None: the model that ships with the app
    operating_point: str = "f1"  # f1, high-sensitivity, or a probability
    radiomics_engine: RadiomicsEngine = "vectorised"  # whichever one the model was trained with
    inputs: InputSettings = InputSettings()
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    lesions: LesionSettings = LesionSettings()
    resources: ResourceSettings = ResourceSettings()
    reports_only: bool = False
    boilerplate_only: bool = False
    clean_workdir: bool = False


@dataclass(frozen=True)
class GroupSettings:
    """One call of the group level. Without ``train`` it gathers, with it it also trains."""

    bids_dir: Path
    output_dir: Path
    train: tuple[str, ...] = ()
    sites: Mapping[str, Path] = field(default_factory=dict)  # name -> output folder of a participant run
    train_only: Mapping[str, Path] = field(default_factory=dict)  # name -> output; never held out or scored
    mask_variants: Mapping[str, Path] = field(
        default_factory=dict
    )  # name (or site:name) -> output folder of a run on the same participants with other outlines
    folds: int | str = 5  # how many, LEAVE_ONE_SITE_OUT, or the path of a table of folds
    seeds: tuple[int, ...] = (0, 1, 2)
    pretrained: Path | None = None  # model whose weights every fit of a network starts from
    fit_share: tuple[int, int] | None = None  # (K, N): make the K-th of N shares of the fits, and stop
    strict_thresholds: bool = False  # also thresholds that no figure's lesion could have touched
    detector: DetectorSettings = DetectorSettings()
    resources: ResourceSettings = ResourceSettings()
    work_dir: Path | None = None
    random_seed: int = 0

    def __post_init__(self) -> None:
        require_seeds(*self.seeds, self.random_seed)


@dataclass(frozen=True)
class SimulationSettings:
    """A simulated cohort. Everything in it follows from these numbers."""

    n_participants: int = 1
    seed: int = 0
    first_label: int = 1  # the first participant is sub-sim<first_label>
    protocol: ProtocolChoice = "paper"  # varied: other voxel sizes, echoes and field strengths among it
    spacing_mm: Vector3 = (0.75, 0.75, 3.0)  # of the paper's protocol
    flair_spacing_mm: Vector3 = (1.0, 1.0, 1.0)
    lesions_median: float = 24.0  # a participant, log-normal
    rim_prevalence: float = 0.0425
    guarantee_rim: bool = False  # every participant gets at least one rim+ lesion (for demonstrations)
    field_strength_t: float = 3.0
    flair_masks: FlairMasks | None = None  # also plain FLAIR masks; touching lesions are one, or cut apart
    samples_dir: Path | None = None  # also measure: what the participant level would find, for training
    detector: DetectorSettings = DetectorSettings()  # what is measured for whom
    nprocs: int = 1

    def __post_init__(self) -> None:
        require_seeds(self.seed)
        require_above_zero(self, "n_participants", "nprocs")
