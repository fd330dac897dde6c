"""What the page on robustness says of one kind of trouble; the tests that bring it hold these rows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of ``docs/robustness.md``.

    It stands beside the test that shows it, and was written before the code it asks for.

    Attributes
    ----------
    section : str
        Heading under which the page shows it, such as ``"NIfTI files"``.
    trouble : str
        What is wrong, in the words of a user.
    outcome : str
        What must happen: ``"works"``, ``"works, with a warning"`` or ``"refused, exit 65"``; what is said.
    test : str
        Function that shows it, as ``file::function`` below ``tests/``.
    """

    section: str
    trouble: str
    outcome: str
    test: str
