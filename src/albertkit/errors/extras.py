"""Which extra of the package brings a library that the plain install does without."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType

from albertkit.errors.exceptions import ResourceError

EXTRA_OF: Mapping[str, str] = MappingProxyType(
    {
        "torch": "torch",
        "pyarrow": "tables",
        "ray": "ray",
        "matplotlib": "plots",
        "tensorflow": "tensorflow",
        "tensorflow_text": "tensorflow",
    }
)


def import_extra(library: str, wanted_for: str) -> ModuleType:
    """The library; raises ResourceError [extra-missing] where it is not installed."""
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        package = library.partition(".")[0]
        if error.name != package:
            raise
        raise extra_missing(package, wanted_for) from error


def extra_missing(library: str, wanted_for: str) -> ResourceError:
    """The error that says how to install `library`, which `wanted_for` needs."""
    extra = EXTRA_OF[library]
    return ResourceError(
        "extra-missing",
        f"{wanted_for} needs {library}, which is not installed",
        why="the plain install does without it",
        fix=f"Run: pip install 'albertkit[{extra}]'",
    )
