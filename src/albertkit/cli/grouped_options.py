"""Options that many commands share in groups: the fields of LoadOptions and ReadOptions.

A command has one parameter `load` or `read`, and gets an option for each field that it uses. The
files of commands do not import `annotations` from `__future__`: typer would evaluate forty
strings, 3 ms of each start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

from albertkit.cli import options
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions

R = TypeVar("R")

FETCH = ("revision", "token", "cache_dir", "local_files_only")
OVERRIDES = ("num_hidden_layers", "num_attention_heads", "hidden_act")
COMPUTE = ("engine", "device", "precision", "calibration", "deterministic")
LOAD_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "engine": options.Engine,
        "device": options.Device,
        "precision": options.Precision,
        "calibration": options.Calibration,
        "deterministic": options.Deterministic,
        "policy": options.Policy,
        "num_hidden_layers": options.Layers,
        "num_attention_heads": options.Heads,
        "hidden_act": options.Activation,
        "revision": options.Revision,
        "token": options.Token,
        "cache_dir": options.CacheDir,
        "local_files_only": options.LocalFilesOnly,
    }
)
READ_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "file_format": options.InputFormatOption,
        "delimiter": options.Delimiter,
        "encoding": options.Encoding,
        "header": options.Header,
        "quotes": options.Quotes,
    }
)


def takes_load_options(*names: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Replace a command's parameter `load` by options, for typer.

    Args:
        names: the fields of LoadOptions that the command uses; none: all of them.
    """
    used = {name: LOAD_OPTIONS[name] for name in names or LOAD_OPTIONS}
    return lambda command: _replace_parameter(command, "load", LoadOptions, used, last=True)


def takes_read_options(command: Callable[..., R]) -> Callable[..., R]:
    """Replace a command's parameter `read` by options, for typer."""
    return _replace_parameter(command, "read", ReadOptions, READ_OPTIONS)


def _replace_parameter(
    command: Callable[..., R],
    name: str,
    option_class: type[LoadOptions] | type[ReadOptions],
    annotations: Mapping[str, Any],
    *,
    last: bool = False,
) -> Callable[..., R]:
    """Replace a parameter by the fields of its class; last: help shows them after all others."""
    defaults = {field.name: field.default for field in fields(option_class)}

    def call(**arguments: Any) -> R:
        group = option_class(**{field: arguments.pop(field) for field in annotations})
        return command(**arguments, **{name: group})

    parameters = [*inspect.signature(command).parameters.values()]
    index = next(n for n, parameter in enumerate(parameters) if parameter.name == name)
    replaced = parameters.pop(index)
    index = len(parameters) if last else index
    parameters[index:index] = [
        replaced.replace(name=field, default=defaults[field], annotation=annotation)
        for field, annotation in annotations.items()
    ]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # where inspect looks
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    return call
