"""The values and defaults of options are those of the library."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from albertkit.checkpoints import TARGETS
from albertkit.cli import options
from albertkit.cli.answer import answer
from albertkit.cli.choose import choose
from albertkit.cli.classify import classify
from albertkit.cli.convert import FORMATS
from albertkit.cli.destination import Destination, Sharded
from albertkit.cli.embed import embed
from albertkit.cli.main import COMMANDS, Command, run
from albertkit.cli.options import DESTINATION_OPTIONS, LOAD_OPTIONS, READ_OPTIONS
from albertkit.cli.tag import tag
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime import LoadOptions
from albertkit.sources import VECTORS, WORDS
from albertkit.spec.pooling_config import Pooling
from albertkit.tables.formats import FORMAT_MAGIC, ReadOptions, TableFormat
from albertkit.tables.writers.shards import SHARD_FORMATS


@pytest.mark.parametrize(
    ("values", "library_values"),
    [
        (options.SavedDtype, SavedDtype),
        (options.Pooling, Pooling),
    ],
    ids=["dtype", "pooling"],
)
def test_an_option_has_the_librarys_values(values: Any, library_values: Any) -> None:
    assert get_args(values) == get_args(library_values)


def test_every_field_of_load_options_is_an_option_with_its_default() -> None:
    assert set(LOAD_OPTIONS) == {field.name for field in fields(LoadOptions)}
    parameters = inspect.signature(embed).parameters
    for field in fields(LoadOptions):
        assert parameters[field.name].default == field.default


def test_every_field_of_read_options_is_an_option_with_its_default() -> None:
    assert set(READ_OPTIONS) == {field.name for field in fields(ReadOptions)}
    parameters = inspect.signature(embed).parameters
    for field in fields(ReadOptions):
        assert parameters[field.name].default == field.default


def test_every_field_of_a_destination_is_an_option_with_its_default() -> None:
    assert {"output_format", *DESTINATION_OPTIONS} == {field.name for field in fields(Destination)}
    for command in (embed, classify, tag, answer, choose):
        parameters = inspect.signature(command).parameters
        for field in fields(Destination):
            assert parameters[field.name].default == field.default


def test_input_formats_are_those_that_first_bytes_do_not_show() -> None:
    others = {*FORMAT_MAGIC.values(), "document"}  # which is the option --files
    assert {*get_args(options.InputFormat)} == {*get_args(TableFormat)} - others


def test_the_files_of_a_directory_have_all_formats_of_shards() -> None:
    assert {*get_args(Sharded)} == set(SHARD_FORMATS)


def test_the_help_names_every_format_that_can_be_written() -> None:
    assert set(FORMATS) == {target.name for target in TARGETS}


def test_built_in_models_and_directories_complete_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert options.BUILTIN_MODELS == (WORDS, VECTORS)
    (tmp_path / "small-mine").mkdir()
    (tmp_path / "small.txt").touch()
    (tmp_path / "small-mine" / "best").mkdir()
    monkeypatch.chdir(tmp_path)
    assert options.complete_model("small") == [WORDS, VECTORS, "small-mine"]
    assert options.complete_model("small-mine/") == ["small-mine/best"]
    assert options.complete_model("/nowhere/x") == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_that_names_a_model_has_the_options_of_hubs(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([str(command.name), "--help"]) == 0
    shown = set(re.findall(r"--[a-z-]+|\bMODEL\b", capsys.readouterr().out))
    if shown & {"--model", "--tokenizer", "MODEL"}:
        assert {f"--{name.replace('_', '-')}" for name in options.FETCH} <= shown


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("local_files_only=True forbids it", "--local-files-only forbids it"),
        ("engine='openvino' needs openvino", "--engine openvino needs openvino"),
        ("files=True and header=False", "--files and --no-header"),
        ("file_format='csv', delimiter=';'", "--input-format csv, --delimiter ';'"),
        ("my_engine='a' and engine=x", "my_engine='a' and engine=x"),
    ],
)
def test_a_commands_error_names_its_options(message: str, expected: str) -> None:
    assert options.name_options(message) == expected
