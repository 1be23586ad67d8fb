"""Resolve a model's name (path, built-in model, hub name or URL) to a local path."""

from albertkit.sources.names import (
    BUILTIN_MODELS,
    DEFAULT_FETCH_OPTIONS,
    VECTORS,
    WORDS,
    FetchOptions,
    resolve_local_path,
    resolve_location,
)

__all__ = [
    "BUILTIN_MODELS",
    "DEFAULT_FETCH_OPTIONS",
    "VECTORS",
    "WORDS",
    "FetchOptions",
    "resolve_local_path",
    "resolve_location",
]
