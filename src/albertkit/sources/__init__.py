"""A model's name → the directory that it means."""

from albertkit.sources.fetch_options import AS_USUAL, Fetching
from albertkit.sources.names import (
    BUILTIN_MODELS,
    VECTORS,
    WORDS,
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
