"""Ranges in which zero is a whole step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from albertkit.engine.int8_scheme import LEVELS, align_zero

sizes = st.floats(0, 1e6, width=32)


@given(sizes, sizes)
def test_zero_is_a_whole_step_and_a_range_moves_by_less_than_one(
    below: float, above: float
) -> None:
    low, high = align_zero(-below, above)
    step = (high - low) / (LEVELS - 1)
    assert step > 0
    assert abs(low / step - round(low / step)) < 1e-6
    assert low <= 0 <= high
    if below or above:
        assert abs(low + below) <= 0.51 * step
        assert abs(high - above) <= 0.51 * step
