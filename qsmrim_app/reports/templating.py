"""Fill the page templates: every value is escaped, a missing one is an error."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from qsmrim_app.reports.words import number, visible


def render(template: str, content: dict[str, Any]) -> str:
    """The text of a template of the package's ``data/templates``.

    Parameters
    ----------
    template
        File name.
    content
        What the template names. Texts are data: markup in them is shown, not obeyed.
    """
    return _environment().get_template(template).render(content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("qsmrim_app", "data/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = number
    return environment
