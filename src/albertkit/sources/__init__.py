"""A model's name → the directory that it means."""

from albertkit.sources.names import BUILTIN_MODELS, VECTORS, WORDS, directory_of, place_of

__all__ = ["BUILTIN_MODELS", "VECTORS", "WORDS", "directory_of", "place_of"]
