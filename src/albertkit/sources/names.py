"""The directory that a model's name means: a path, or one of the models inside the package."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import albertkit
from albertkit.errors import InputError

BUILTIN = Path(albertkit.__file__).parent / "builtin"
WORDS, VECTORS = "small-en", "small-en-vectors"
# name → what it is for; each is a folder of BUILTIN
BUILTIN_MODELS: Mapping[str, str] = MappingProxyType(
    {WORDS: "masked words, English", VECTORS: "text vectors, English"}
)


def place_of(name: str | Path) -> Path:
    """What `name` means; a file or directory of one's own goes before a built-in name."""
    place = Path(name)
    is_builtin = str(name) in BUILTIN_MODELS and not place.exists()
    return BUILTIN / str(name) if is_builtin else place


def directory_of(name: str | Path) -> Path:
    """The same where there must be something; raises InputError [unknown-model]."""
    place = place_of(name)
    if place.exists() or str(name) in BUILTIN_MODELS:
        return place
    near = difflib.get_close_matches(str(name), BUILTIN_MODELS, 1)
    raise InputError(
        "unknown-model",
        f"there is no directory {str(name)!r}" + (f" (did you mean {near[0]!r}?)" if near else ""),
        why=f"names of built-in models are {', '.join(BUILTIN_MODELS)}",
        fix="Give one of them, or the directory of a model; nothing is downloaded",
    )
