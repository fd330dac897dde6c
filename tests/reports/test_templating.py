import pytest
from jinja2 import UndefinedError

from qsmrim_app.reports.templating import render


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError):
        render("subject.html", {})
