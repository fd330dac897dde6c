"""Run the suite, part by part, and make its page.

    python -m benchmarks [PART ...] [--size tiny|standard|full] [--page-only]

Every part runs in a process of its own on one thread, and leaves ``benchmarks/results/<part>.json`` when it
is done, so that an interrupted suite loses one part at most. The page is made from what lies there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
for _name in THREADS:  # before numpy is loaded
    os.environ[_name] = "1"
os.environ.setdefault("NO_ET", "1")  # nipype's version check would use the network

from benchmarks.page import headline_table, write_page
from benchmarks.parts import Setup
from benchmarks.registry import PARTS
from benchmarks.results import read_result, run_part, write_result

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 1 if a part failed."""
    asked = _parser().parse_args(arguments)
    chosen = [name for text in asked.parts for name in text.split()] or list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        sys.stderr.write(f"there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}\n")
        return 64
    if asked.here:
        _measure(chosen[0], asked)
        return 0
    failed = [] if asked.page_only else [name for name in chosen if not _measured_apart(name, asked)]
    results = {name: result for name in PARTS if (result := read_result(name, asked.results))}
    print("\n" + headline_table(results, PARTS))
    write_page(results, PARTS, asked.docs)
    if failed:
        sys.stderr.write(f"these parts failed: {', '.join(failed)}\n")
    return 1 if failed else 0


def _measured_apart(name: str, asked: argparse.Namespace) -> bool:
    """Measure a part in a new process; whether it came to its end."""
    print(f"{name} ...", flush=True)
    options = [
        "--here",
        "--size",
        asked.size,
        "--work",
        asked.work,
        "--data",
        asked.data,
        "--results",
        asked.results,
    ]
    return (
        subprocess.run([sys.executable, "-m", "benchmarks", name, *map(str, options)], cwd=ROOT).returncode
        == 0
    )


def _measure(name: str, asked: argparse.Namespace) -> None:
    data = asked.data.resolve() if (asked.data / "semireal").is_dir() else None
    asked.work.mkdir(parents=True, exist_ok=True)
    result = run_part(PARTS[name], Setup(asked.size, asked.work.resolve(), data))
    print(f"{name}: {result.seconds:.0f} s, {write_result(result, asked.results)}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--size", choices=("tiny", "standard", "full"), default="standard")
    parser.add_argument(
        "--page-only", action="store_true", help="make the page from the results that are there"
    )
    parser.add_argument(
        "--work", type=Path, default=ROOT / "work" / "bench", help="simulated data goes there"
    )
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="semi-real data, if there"
    )
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # one part, in this process
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
