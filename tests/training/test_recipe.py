from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit.errors import FormatError, InputError
from albertkit.training.recipe import TrainingConfig, parse_table, read_toml
from albertkit.training.schedules import Ramp, Stages

PLAIN = {"max_steps": 100, "learning_rate": 1.0, "warmup_ratio": 0.1, "decay_ratio": 0.2}


def test_the_learning_rate_is_a_trapezoid() -> None:
    config = parse_table(TrainingConfig, PLAIN, "training")
    rates = [config.learning_rate_at(step / 100) for step in range(101)]
    assert (rates[0], rates[5], rates[90], rates[100]) == pytest.approx((0, 0.5, 0.5, 0))
    assert rates[10:81] == pytest.approx([1.0] * 71)
    assert all(a <= b for a, b in pairwise(rates[:11]))
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_a_whole_number_is_taken_for_a_float() -> None:
    value = parse_table(TrainingConfig, {**PLAIN, "learning_rate": 1}, "training").learning_rate
    assert (value, type(value)) == (1.0, float)


def test_numbers_of_numpy_become_those_of_python() -> None:
    """A checkpoint keeps the settings as JSON, which has no others."""
    config = TrainingConfig(
        max_steps=np.int64(3),  # type: ignore[arg-type]
        learning_rate=np.float32(0.5),  # type: ignore[arg-type]
        max_hours=1,
    )
    assert [type(value) for value in (config.max_steps, config.learning_rate)] == [int, float]
    assert type(config.max_hours) is float
    json.dumps(asdict(config))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"max_steps": "3"}, r"max_steps is '3'; it must be of type int"),
        ({"max_steps": 3.0}, r"max_steps is 3.0; it must be of type int"),
        ({"max_steps": True}, r"max_steps is True; it must be of type int"),
        ({"learning_rate": None}, r"learning_rate is None; it must be of type float"),
        ({"optimizer": "sgd"}, r"optimizer is 'sgd'; it must be one of 'adamw', 'lamb'"),
        ({"precision": "fp16"}, r"precision is 'fp16'; it must be one of"),
        ({"compile": 1}, r"compile is 1; it must be of type bool"),
    ],
)
def test_keywords_of_other_types_are_refused_by_name(settings: Any, line: str) -> None:
    with pytest.raises(FormatError, match=rf"\[training\] {line}.*\[recipe-value-invalid\]"):
        TrainingConfig(**{"max_steps": 10, "learning_rate": 0.1, **settings})


def test_a_number_may_change_over_time() -> None:
    @dataclass
    class Table:
        probability: Ramp
        rows: Stages = Stages(((0.0, 16),))

    # get_type_hints needs names of this module
    Table.__annotations__ = {"probability": Ramp, "rows": Stages}
    table = parse_table(Table, {"probability": [[0, 0.3], [1, 0.1]], "rows": 8}, "data")
    assert table.probability(0.5) == pytest.approx(0.2)
    assert table.rows(0.5) == 8


@pytest.mark.parametrize(
    ("table", "code", "part"),
    [
        ({**PLAIN, "max_stesp": 1}, "recipe-key-unknown", "Did you mean 'max_steps'? [recipe"),
        ({"max_steps": 1}, "recipe-key-missing", "learning_rate"),
        ({"learning_rate": 1.0}, "recipe-key-missing", "has no end"),
        ({**PLAIN, "max_steps": 1.5}, "recipe-value-invalid", "1.5"),
        ({**PLAIN, "precision": "float16"}, "recipe-value-invalid", "'bfloat16'"),
        ({**PLAIN, "compile": 1}, "recipe-value-invalid", "bool"),
        ({**PLAIN, "beta1": 1.0}, "recipe-value-invalid", "beta1 is 1.0"),
        ({**PLAIN, "beta2": -0.1}, "recipe-value-invalid", "beta2 is -0.1"),
        ({**PLAIN, "max_hours": float("inf")}, "recipe-value-invalid", "at least 0 and finite"),
        ({**PLAIN, "seed": 2**63}, "recipe-value-invalid", "most 9,223,372,036,854,775,807."),
        ({**PLAIN, "device": "tpu"}, "recipe-value-invalid", "device is 'tpu'"),
        ({**PLAIN, "learning_rate": 1e300}, "recipe-value-invalid", "at most 1,000."),
        ({**PLAIN, "epsilon": 0}, "recipe-value-invalid", "epsilon is 0"),
        (
            {**PLAIN, "learning_rate": 0, "muon_learning_rate": 0.01},
            "recipe-value-invalid",
            "muon_learning_rate is 0.01",
        ),
        (None, "recipe-key-missing", "[training]"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(table: object, code: str, part: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_table(TrainingConfig, table, "training")
    assert caught.value.diagnostic.code == code
    assert part in str(caught.value)


def test_a_missing_or_broken_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file-not-found"):
        read_toml(tmp_path / "none.toml", ("model",))
    (tmp_path / "bad.toml").write_text("[model\n")
    with pytest.raises(FormatError, match="recipe-malformed"):
        read_toml(tmp_path / "bad.toml", ("model",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trainig]", r"no table \[trainig\]; its tables are .*Did you mean \[training\]\?"),
        ("[card]\na = 1", r"no table \[card\]; its tables are \[model\], \[training\]\."),
        ("max_steps = 1\n[model]", r"max_steps is in no table;.*Move or remove max_steps"),
    ],
)
def test_what_is_in_no_known_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.toml").write_text(text + "\n[training]\n")
    with pytest.raises(FormatError, match=message + r".*\[recipe-key-unknown\]"):
        read_toml(tmp_path / "recipe.toml", ("model", "training"))


def test_a_misspelt_keyword_is_refused_with_the_nearest() -> None:
    misspelt: Any = {"max_step": 10, "learning_rate": 0.1}
    with pytest.raises(InputError, match=r"'max_step'; the nearest is 'max_steps'.*-keyword\]"):
        TrainingConfig(**misspelt)
