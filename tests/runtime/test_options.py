"""An option is defined once, and everything that opens a model takes it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from albertkit import FillMask, TextEmbedder, load
from albertkit.errors import InputError
from albertkit.runtime import LoadKeywords, LoadOptions


def test_the_keywords_of_type_checkers_are_the_fields() -> None:
    assert {field.name: field.type for field in fields(LoadOptions)} == {
        name: kind.__forward_arg__ for name, kind in LoadKeywords.__annotations__.items()
    }


def test_options_become_keywords_and_options_again() -> None:
    options = LoadOptions(engine="numpy", local_files_only=True)
    assert LoadOptions(**options.keywords()) == options


@pytest.mark.parametrize("call", [load, TextEmbedder, FillMask])
def test_a_misspelt_option_is_refused_by_the_name_of_the_call(call: type) -> None:
    with pytest.raises(InputError, match=rf"{call.__name__} has no keyword 'precison'; .*'precis"):
        call("/nowhere", precison="auto")
