"""Where other code's floating point gives layers other groups, it is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.axes import CONFIG, random_weights

from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.checkpoints.agreement import (
    Rule,
    assign_group_by_google,
    assign_group_by_transformers,
    describe_other_order,
)
from albertkit.spec import AlbertConfig


@pytest.mark.parametrize(
    ("rule", "first"),
    [(assign_group_by_google, (22, 22)), (assign_group_by_transformers, (18, 14))],
    ids=["google", "hf"],
)
def test_the_smallest_configuration_that_rounds_is_known(
    rule: Rule, first: tuple[int, int]
) -> None:
    sizes = ((layers, groups) for layers in range(1, 30) for groups in range(1, layers + 1))
    rounds = (
        size
        for size in sizes
        if describe_other_order(
            AlbertConfig(num_hidden_layers=size[0], num_hidden_groups=size[1]), rule
        )
    )
    assert next(rounds) == first


def test_a_directory_that_transformers_computes_otherwise_gets_a_note(tmp_path: Path) -> None:
    config = replace(CONFIG, num_hidden_layers=18, num_hidden_groups=14)
    HUGGINGFACE.write(Checkpoint(random_weights(config)), tmp_path)
    (note,) = HUGGINGFACE.read(tmp_path).notes
    assert (note.code, note.severity) == ("group-assignment-differs", "warning")
    assert "layer 9 gets the group 6, where 7 is right" in note.line()
