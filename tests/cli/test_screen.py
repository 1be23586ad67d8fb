"""Tables keep their columns, whatever stands in them."""

from __future__ import annotations

import numpy as np
import pytest

from albertkit.cli import screen
from albertkit.cli.screen import align, draw_table, make_bold, measure_width
from albertkit.tables import Table


def test_numbers_stand_right_and_words_left() -> None:
    table = Table({"nr": [1, 10], "word": ["a", "bcd"], "score": [0.5, 1e-9]})
    assert draw_table(table).splitlines() == [
        "nr  word   score",
        " 1  a     0.5000",
        "10  bcd    1e-09",
    ]


def test_wide_letters_and_accents_keep_the_columns() -> None:
    assert [measure_width(text) for text in ("ab", "日本", "e\u0301")] == [2, 4, 1]
    lines = draw_table(Table({"text": ["日本", "abcde"], "n": [1, 2]})).splitlines()
    assert lines[1] == "日本   1"
    assert lines[2] == "abcde  2"


def test_line_ends_and_escapes_in_a_text_do_not_draw() -> None:
    table = Table({"text": ["a \r\n\n b\x1b[2J"]})
    assert draw_table(table).splitlines()[1:] == [r"a b\x1b[2J"]


def test_a_cell_wider_than_its_place_is_cut() -> None:
    assert align("abcdef", 4, False) == "abc…"
    assert align("日本語", 4, False) == "日… "


def test_the_widest_column_of_words_is_cut_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screen, "get_terminal_width", lambda: 29)
    table = Table({"n": [1], "text": ["word " * 20], "kind": ["a"], "score": [0.5]})
    assert draw_table(table).splitlines()[1] == "1  word word w…  a     0.5000"
    monkeypatch.setattr(screen, "get_terminal_width", lambda: 40)
    lines = draw_table(table).splitlines()
    assert len(lines[1]) == 40
    assert lines[1].startswith("1  word word word word wo")


def test_columns_without_room_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "get_terminal_width", lambda: 40)
    words = {f"name{n}": ["word " * 20] for n in range(6)}
    first, second, note = draw_table(Table({"score": [0.5], **words})).splitlines()
    assert first.split() == ["score", "name0", "name1"]
    assert len(second) <= 40
    assert note == "no room for name2, name3, name4 …; --format csv prints all columns"
    assert len(draw_table(Table({"n": [10**50]})).splitlines()) == 2  # the first is always shown


def test_a_vector_is_shown_by_its_first_numbers() -> None:
    line = draw_table(Table({"vector": np.arange(6, dtype=np.float32)[None]})).splitlines()[1]
    assert line == "[0.0000, 1.0000, 2.0000, 3.0000, … 6 numbers]"


@pytest.mark.parametrize(
    ("terminal", "no_color", "marked"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_bold_only_on_a_terminal_and_without_no_color(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_color: str, marked: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert (make_bold("x") != "x") is marked
