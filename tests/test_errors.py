"""The error tree: what the docstring promises is what the classes are."""

import re

import pytest

from qsmrim_app import errors
from qsmrim_app.errors import QsmrimError

_LINE = re.compile(r"^(?P<bars>[│├└─ ]*)(?P<name>\w+Error)\s+(?P<code>\d+)(\s|$)", re.MULTILINE)


def _described() -> dict[str, tuple[str | None, int]]:
    """Name -> (parent, exit code) as the tree in the module docstring draws it."""
    tree: dict[str, tuple[str | None, int]] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        match = _LINE.match(line)
        if match:
            depth = (len(match["bars"]) - 4) // 4
            path = [*path[:depth], match["name"]]
            tree[match["name"]] = (path[-2] if depth else None, int(match["code"]))
    return tree


def _classes() -> dict[str, type[QsmrimError]]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, QsmrimError)
    }


def test_tree_in_docstring_is_the_tree_of_classes():
    actual = {
        name: (None if kind is QsmrimError else kind.__bases__[0].__name__, kind.exit_code)
        for name, kind in _classes().items()
    }
    assert _described() == actual


def test_exit_codes_are_those_of_the_bids_execution_specification():
    assert {kind.exit_code for kind in _classes().values()} == {16, 18, 64, 65, 66, 70, 73, 75}


@pytest.mark.parametrize("kind", _classes().values(), ids=lambda kind: kind.__name__)
def test_message_reads_as_it_was_written(kind):
    message = "sub-01: found 'x', expected 'y'; rename it"
    assert str(kind(message)) == message


@pytest.mark.parametrize(
    "kind", sorted(set(_classes().values()) - {QsmrimError}, key=lambda kind: kind.__name__)
)
def test_each_error_is_also_a_builtin_one(kind):
    builtin = {ValueError, LookupError, OSError, RuntimeError}
    assert any(issubclass(kind, base) for base in builtin)
