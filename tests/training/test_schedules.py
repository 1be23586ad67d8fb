from __future__ import annotations

from math import nan

import pytest

from albertkit.training.schedules import Ramp, Stages, parse_points


def test_a_ramp_is_straight_between_its_points() -> None:
    ramp = Ramp(parse_points([[0, 0.3], [0.5, 0.3], [1, 0.15]]))
    assert [ramp(f) for f in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx([0.3, 0.3, 0.3, 0.225, 0.15])


def test_stages_jump_at_their_points() -> None:
    stages = Stages(parse_points([[0, 2], [0.5, 4]]))
    assert [stages(f) for f in (0, 0.49, 0.5, 1)] == [2, 2, 4, 4]
    assert stages.values() == (2, 4)


def test_a_plain_number_never_changes() -> None:
    assert Ramp(parse_points(0.15))(0.7) == 0.15
    assert Stages(parse_points(16))(0.7) == 16


@pytest.mark.parametrize(
    "value",
    [
        *("0.15", True, [], [0.1, 0.2], [[0.1, 1]], [[0, 1], [0, 2]], [[0, 1], [2, 2]]),
        *([[0, "a"]], [[0, 1], [nan, 2]], [[0, 1], [nan, 2], [1, 3]]),
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_points(value)
