"""The pieces of text that messages share."""

from __future__ import annotations

import pytest

from albertkit.errors.exceptions import count_noun, find_nearest_name, list_names, take_first_line


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (12345, "12,345 rows")]
)
def test_a_count_of_one_has_a_singular_noun(count: int, text: str) -> None:
    assert count_noun(count, "row") == text


def test_a_long_list_of_names_ends_with_an_ellipsis() -> None:
    assert list_names(["a", "b"], 2) == "a, b"
    assert list_names(["a", "b", "c"], 2) == "a, b …"


def test_the_nearest_name_is_similar_enough_or_none() -> None:
    assert find_nearest_name("max_lenght", ("max_length", "padding")) == "max_length"
    assert find_nearest_name("zzz", ("max_length", "padding")) is None
    assert find_nearest_name("abxx", ("abyy",)) is None
    assert find_nearest_name("abxx", ("abyy",), cutoff=0.5) == "abyy"


@pytest.mark.parametrize("message", ["No such file.\nand a trace", OSError("No such file.")])
def test_the_first_line_of_a_message_has_no_full_stop(message: Exception | str) -> None:
    assert take_first_line(message) == "No such file"
