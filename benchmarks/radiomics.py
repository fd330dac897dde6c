"""The 527 features: qsmrim's vectorised engine against pyradiomics and fastrad."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.lesion_maps import LesionMap, lesion_maps
from benchmarks.parts import Curve, Headline, Panel, Part, Row, Setup
from benchmarks.radiomics_peers import fastrad_on_crop, pyradiomics_on_crop, pyradiomics_on_map
from benchmarks.timing import alternate, median, ratios, spread
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.settings import RadiomicsSettings
from studies.markdown import table

OURS, CROP, WHOLE, FASTRAD = (
    "qsmrim",
    "pyradiomics, exact crop",
    "pyradiomics, whole map",
    "fastrad, exact crop",
)
PAPER_VOXELS = 80  # about the median of the paper's lesions
_PEERS = {CROP: pyradiomics_on_crop, WHOLE: pyradiomics_on_map, FASTRAD: fastrad_on_crop}
_SLOW_FULL = {CROP: (10, 40), WHOLE: (1, 10), FASTRAD: (1, 10)}
_SLOW = {
    CROP: (5, 20),
    WHOLE: (1, 3),
    FASTRAD: (1, 3),
}  # lesions they measure, to see that their cost is linear


def measure(setup: Setup) -> list[Row]:
    """Seconds of every program for lesions of several sizes and numbers."""
    sizes = setup.choose((50,), (50, PAPER_VOXELS, 500, 5000))
    return [{"n_voxels": n_voxels} | row for n_voxels in sizes for row in _compare(n_voxels, setup)]


def _compare(n_voxels: int, setup: Setup) -> list[Row]:
    maps = {n: lesion_maps(n_voxels, n) for n in setup.choose((10,), (10, 100, 1000))}
    first = maps[max(maps)][0]
    peers = [name for name in _PEERS if name != FASTRAD or find_spec("fastrad")]
    for name in peers:
        _PEERS[name](first, first.lesions[:1])
    _ours([LesionMap(first.qsm, first.labels, first.lesions[:2])])
    actions = {(OURS, n): lambda n=n: _ours(maps[n]) for n in maps}
    for name in peers:
        for n in setup.choose((1,), _SLOW[name], _SLOW_FULL[name]):
            actions[name, n] = lambda name=name, n=n: _PEERS[name](first, first.lesions[:n])
    times = alternate(actions, setup.choose(1, 3, 7), warm_up=False)
    return [{"who": who, "n_lesions": n, "seconds": seconds} for (who, n), seconds in times.items()]


def headlines(rows: list[Row]) -> list[Headline]:
    """The ratios at the paper's lesion size."""
    found = []
    for n_voxels in (PAPER_VOXELS, 5000):
        if not _find(rows, OURS, n_voxels):
            continue
        for peer in _peers(rows):
            what = f"radiomics, lesions of {n_voxels:,} voxels, against {peer}"
            found.append(
                Headline(what, f"{_ratio(rows, peer, n_voxels)} times as fast", _detail(rows, n_voxels))
            )
    return found


def section(rows: list[Row]) -> str:
    """Ratios, then milliseconds a lesion, then that the cost of the others is linear."""
    sizes = sorted({row["n_voxels"] for row in rows})
    peers, counts = _peers(rows), _counts(rows, OURS)
    against = [[f"{size:,}", *(_ratio(rows, peer, size) for peer in peers)] for size in sizes]
    ours = [
        [
            f"{size:,}",
            *(_ms(_find(rows, OURS, size, n)) for n in counts),
            *(_ms(_find(rows, p, size)) for p in peers),
        ]
        for size in sizes
    ]
    linear = [
        [f"{peer}, {size:,} voxels", *_linear(rows, peer, size)]
        for peer in peers
        for size in (sizes[0], sizes[-1])
    ]
    return "\n\n".join(
        [
            "How many times longer the others take for a lesion, against qsmrim on the largest number of "
            "lesions:",
            table(["voxels a lesion", *peers], against),
            "Milliseconds a lesion; qsmrim by how many lesions it is given at once:",
            table(["voxels a lesion", *(f"{OURS}, {n:,} lesions" for n in counts), *peers], ours),
            "The others take lesion after lesion, so they measured few; milliseconds a lesion when given "
            "fewer and more:",
            table(["program", "lesions", "ms a lesion", "lesions ", "ms a lesion "], linear),
            _NOTE,
        ]
    )


_NOTE = (
    "Simulated lesions of one size on simulated maps of 256 x 256 x 48 voxels of 0.75 x 0.75 x 3 mm, bin "
    "width 25 ppb; processor seconds of one thread. *Whole map*: pyradiomics' extractor as its manual shows "
    "it. *Exact crop*: pyradiomics' feature classes on just the voxels that the wavelet reads, which qsmrim "
    "offers as `--radiomics-engine pyradiomics`. fastrad has no wavelet; it was given the nine bands that "
    "qsmrim made."
)


def plot(rows: list[Row]) -> list[Panel]:
    """Milliseconds a lesion by its voxels; seconds by the number of lesions, others extrapolated."""
    names = [OURS, *_peers(rows)]
    sizes = sorted({row["n_voxels"] for row in rows})
    by_size = [
        Curve(name, sizes, [1000 * _per_lesion(_find(rows, name, size)) for size in sizes]) for name in names
    ]
    counts, at = _counts(rows, OURS), PAPER_VOXELS if PAPER_VOXELS in sizes else sizes[0]
    by_count = [Curve(OURS, counts, [median(_find(rows, OURS, at, n)["seconds"]) for n in counts])]
    by_count += [
        Curve(
            f"{name} (extrapolated)",
            counts,
            [n * _per_lesion(_find(rows, name, at)) for n in counts],
            dashed=True,
        )
        for name in names[1:]
    ]
    return [
        Panel("voxels a lesion", "processor ms a lesion", by_size),
        Panel(f"lesions of {at} voxels", "processor seconds for all of them", by_count),
    ]


def _ours(maps: list[LesionMap]) -> None:
    for one in maps:
        extract_features(one.qsm, one.labels, one.lesions, RadiomicsSettings())


def _find(rows: list[Row], who: str, n_voxels: int, n_lesions: int | None = None) -> Row:
    """The row of a program and size, with the most lesions if no number is given; empty if there is none."""
    fitting = [
        row
        for row in rows
        if (row["who"], row["n_voxels"]) == (who, n_voxels) and n_lesions in (None, row["n_lesions"])
    ]
    return max(fitting, key=lambda row: row["n_lesions"], default={})


def _peers(rows: list[Row]) -> list[str]:
    return [name for name in _PEERS if any(row["who"] == name for row in rows)]


def _counts(rows: list[Row], who: str) -> list[int]:
    return sorted({row["n_lesions"] for row in rows if row["who"] == who})


def _ratio(rows: list[Row], peer: str, n_voxels: int) -> str:
    """Per lesion, turn by turn."""
    each = [
        [seconds / row["n_lesions"] for seconds in row["seconds"]]
        for row in (_find(rows, peer, n_voxels), _find(rows, OURS, n_voxels))
    ]
    return spread(ratios(*each))


def _per_lesion(row: Row) -> float:
    return median(row["seconds"]) / int(row["n_lesions"])


def _ms(row: Row) -> str:
    return spread([1000 * seconds / row["n_lesions"] for seconds in row["seconds"]])


def _linear(rows: list[Row], peer: str, n_voxels: int) -> list[str]:
    cells = []
    counts = _counts([row for row in rows if row["n_voxels"] == n_voxels], peer)
    for n in (counts[0], counts[-1]):
        cells += [str(n), _ms(_find(rows, peer, n_voxels, n))]
    return cells


def _detail(rows: list[Row], n_voxels: int) -> str:
    row = _find(rows, OURS, n_voxels)
    return f"{_ms(row)} ms a lesion, {row['n_lesions']:,} lesions"


PART = Part(
    name="radiomics",
    title="Radiomic features",
    packages=("numpy", "pyradiomics", "fastrad", "torch"),
    measure=measure,
    headlines=headlines,
    section=section,
    plot=plot,
)
