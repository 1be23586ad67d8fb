"""What can be chosen on the command line is what the library takes."""

from __future__ import annotations

from enum import Enum
from typing import get_args

import pytest

from albertkit.cli.embed import VectorChoice
from albertkit.cli.embed_output import SHARDED
from albertkit.cli.options import (
    Calibration,
    Dtype,
    EngineChoice,
    InputKind,
    PoolingChoice,
    PrecisionChoice,
    TooLong,
)
from albertkit.engine.int8.calibration import FEWEST
from albertkit.engine.precision import PrecisionName
from albertkit.errors import InputError
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime import EngineName
from albertkit.runtime.calibration import check_fitted_once
from albertkit.spec.pooling_config import Pooling
from albertkit.tables.formats import MAGIC, Kind
from albertkit.tables.writers.shards import SHARD_FORMATS
from albertkit.tasks.reports import WhenTooLong
from albertkit.tasks.vector_types import VectorType


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Dtype, SavedDtype),
        (EngineChoice, EngineName),
        (PoolingChoice, Pooling),
        (PrecisionChoice, PrecisionName),
        (TooLong, WhenTooLong),
        (VectorChoice, VectorType),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_choice_has_the_librarys_words(choice: type[Enum], words: object) -> None:
    assert {each.value for each in choice} == set(get_args(words))


def test_a_kind_of_input_is_one_that_first_bytes_do_not_tell() -> None:
    assert {each.value for each in InputKind} == set(get_args(Kind)) - set(MAGIC.values())


def test_files_of_a_directory_are_of_all_kinds_of_shards() -> None:
    assert {each.value for each in SHARDED} == set(SHARD_FORMATS)


def test_how_many_texts_int8_wants_is_said_rightly() -> None:
    _, option = get_args(Calibration)
    assert f" {FEWEST} texts" in option.help
    with pytest.raises(InputError, match=f"Give {FEWEST} texts"):
        check_fitted_once(None, "int8")
