"""Options of every command that opens a model: the fields of LoadOptions.

A command has one parameter `load`, and gets an option for each field that it uses. The files of
commands do not import `annotations` from `__future__`: typer would evaluate forty strings, 3 ms of
each start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

from albertkit.cli import options
from albertkit.runtime.options import LoadOptions

R = TypeVar("R")
PARAMETER = "load"

FETCH = ("revision", "token", "cache_dir", "local_files_only")
OVERRIDES = ("num_hidden_layers", "num_attention_heads", "hidden_act")
COMPUTE = ("engine", "device", "precision", "calibration", "deterministic")
OPTIONS: Mapping[str, Any] = MappingProxyType(
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


def takes_load_options(*names: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Replace a command's parameter `load` by options, for typer.

    Args:
        names: the fields of LoadOptions that the command uses; none: all of them.
    """
    chosen = names or tuple(OPTIONS)
    defaults = {field.name: field.default for field in fields(LoadOptions)}

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        def call(**arguments: Any) -> R:
            load = LoadOptions(**{name: arguments.pop(name) for name in chosen})
            return command(**arguments, load=load)

        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name != PARAMETER:
                parameters.append(parameter)
                continue
            parameters += [
                parameter.replace(name=name, default=defaults[name], annotation=OPTIONS[name])
                for name in chosen
            ]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # where inspect looks
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        return call

    return decorate
