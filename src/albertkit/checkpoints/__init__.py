"""Checkpoint formats: one package a format, each between files and the parameter table."""

from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides
from albertkit.checkpoints.huggingface.format import HUGGINGFACE
from albertkit.checkpoints.registry import (
    FORMATS,
    TARGETS,
    ResolvedPath,
    find_target,
    format_of,
    read_checkpoint,
    resolve_path,
)
from albertkit.checkpoints.sentence_transformers.format import SENTENCE_TRANSFORMERS

__all__ = [
    "FORMATS",
    "HUGGINGFACE",
    "NO_OVERRIDES",
    "SENTENCE_TRANSFORMERS",
    "TARGETS",
    "Checkpoint",
    "ConfigOverrides",
    "ResolvedPath",
    "find_target",
    "format_of",
    "read_checkpoint",
    "resolve_path",
]
