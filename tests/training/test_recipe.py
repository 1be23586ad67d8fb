from itertools import pairwise
from pathlib import Path

import pytest

from albertkit.errors import FormatError, InputError
from albertkit.training.recipe import Schedule, fill, read_toml

PLAIN = {"steps": 100, "warmup_steps": 10, "decay_steps": 20, "peak_rate": 1.0}


def test_the_rate_is_a_trapezoid() -> None:
    schedule = fill(Schedule, PLAIN, "schedule")
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[10:80]) == {1.0}
    assert rates[99] == pytest.approx(1 / 20)
    assert all(a <= b for a, b in pairwise(rates[:11]))
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_a_whole_number_is_taken_for_a_float() -> None:
    assert fill(Schedule, {**PLAIN, "peak_rate": 1}, "schedule").peak_rate == 1.0


@pytest.mark.parametrize(
    ("table", "code", "says"),
    [
        ({**PLAIN, "stesp": 1}, "recipe-key-unknown", "steps"),
        ({"steps": 1}, "recipe-key-missing", "warmup_steps"),
        ({**PLAIN, "steps": 1.5}, "recipe-value-invalid", "1.5"),
        (None, "recipe-key-missing", "[schedule]"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(table: object, code: str, says: str) -> None:
    with pytest.raises(FormatError) as caught:
        fill(Schedule, table, "schedule")
    assert caught.value.diagnostic.code == code
    assert says in str(caught.value)


def test_a_missing_or_broken_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file-not-found"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[model\n")
    with pytest.raises(FormatError, match="recipe-malformed"):
        read_toml(tmp_path / "bad.toml")
