"""The page of the suite, ``docs/benchmarks.md``, made from the results of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.parts import Part
from benchmarks.plots import write_plot
from benchmarks.results import BUSY, Result
from studies.markdown import table, write_generated

_HEAD = "# Benchmarks: how fast, against what"
_SIZES = {
    "tiny": " **Made with `SIZE=tiny`: it shows that the suite runs, and no speed.**",
    "standard": "",
    "full": " Made by `make bench-full`.",
}


def write_page(results: Mapping[str, Result], parts: Mapping[str, Part], docs: Path) -> None:
    """Put what was found into the page, and its plots into ``images``."""
    sections = [headline_table(results, parts), _READING]
    for name, part in parts.items():
        if name not in results:
            sections.append(f"## {part.title}\n\nNot measured yet: `make bench PARTS={name}`.")
            continue
        sections.append(
            f"## {part.title}\n\n{_conditions(results[name])}\n\n{part.section(results[name].rows)}"
        )
        if part.plot is not None:
            image = f"benchmark-{name}.png"
            write_plot(part.plot(results[name].rows), docs / "images" / image)
            sections.append(f"![{part.title}: cost against size](images/{image})")
    write_generated(docs / "benchmarks.md", _HEAD, "\n\n".join(sections))


def headline_table(results: Mapping[str, Result], parts: Mapping[str, Part]) -> str:
    """Ratios and limits of every part that was measured."""
    lines = [
        [line.what, line.found, line.detail]
        for name, part in parts.items()
        if name in results
        for line in part.headlines(results[name].rows)
    ]
    return table(["what", "found", "detail"], lines).replace("--:", "---", 2)  # all of it is text


_READING = (
    "A ratio is the median over turns in which the programs that are compared take turns (lowest to highest "
    "turn); the seconds beside it are medians (lowest to highest) too. *Processor seconds* count what a "
    "program computes, not what it waits for. Limits are what the project asks of itself."
)


def _conditions(result: Result) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    others = (
        f"**The machine was shared**: other programs took {result.others:.1f} of its cores meanwhile"
        if result.others > BUSY
        else f"the machine was quiet: other programs took {result.others:.1f} of its cores"
    )
    return (
        f"*`make bench PARTS={result.part}`, {result.date}, {result.hardware}; {versions}; took "
        f"{result.seconds:.0f} s. Load average {result.load[0]:g} at the start and {result.load[1]:g} at "
        f"the end; {others}.*{_SIZES[result.size]}"
    )
