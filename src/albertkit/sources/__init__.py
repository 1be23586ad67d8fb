"""A model's name → the directory that it means."""

from albertkit.sources.names import (
    AS_USUAL,
    BUILTIN_MODELS,
    VECTORS,
    WORDS,
    Fetching,
    directory_of,
    place_of,
)

__all__ = [
    "AS_USUAL",
    "BUILTIN_MODELS",
    "VECTORS",
    "WORDS",
    "Fetching",
    "directory_of",
    "place_of",
]
