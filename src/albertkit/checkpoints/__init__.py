"""Where ALBERT weights live: one file a format, each between a place and the parameter table."""

from albertkit.checkpoints.config_overrides import NO_OVERRIDES, ConfigOverrides
from albertkit.checkpoints.format import Checkpoint, Format
from albertkit.checkpoints.huggingface.format import HUGGINGFACE
from albertkit.checkpoints.location import Place, place_at
from albertkit.checkpoints.registry import FORMATS, TARGETS, format_of, read_checkpoint
from albertkit.checkpoints.sentence_transformers.format import SENTENCE_TRANSFORMERS

__all__ = [
    "FORMATS",
    "HUGGINGFACE",
    "NO_OVERRIDES",
    "SENTENCE_TRANSFORMERS",
    "TARGETS",
    "Checkpoint",
    "ConfigOverrides",
    "Format",
    "Place",
    "format_of",
    "place_at",
    "read_checkpoint",
]
