"""albertkit: everything a person needs to use ALBERT on ordinary machines.

Importing this module imports nothing else: each public name is fetched from its home at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albertkit.errors import AlbertKitError, FormatError, InputError, SurroundingsError
    from albertkit.spec import AlbertConfig
    from albertkit.text import AlbertTokenizer, TextPolicy

__version__ = "0.1.0"

HOMES = {
    "AlbertConfig": "albertkit.spec",
    "AlbertKitError": "albertkit.errors",
    "AlbertTokenizer": "albertkit.text",
    "FormatError": "albertkit.errors",
    "InputError": "albertkit.errors",
    "SurroundingsError": "albertkit.errors",
    "TextPolicy": "albertkit.text",
}

__all__ = [  # noqa: PLE0604 - the names live in HOMES
    "AlbertConfig",
    "AlbertKitError",
    "AlbertTokenizer",
    "FormatError",
    "InputError",
    "SurroundingsError",
    "TextPolicy",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'albertkit' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
