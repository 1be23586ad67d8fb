"""Where ALBERT weights live: one file a format, each between a place and the parameter table."""

from albertkit.checkpoints.format import Format, Stored
from albertkit.checkpoints.formats import FORMATS, format_of, read_checkpoint
from albertkit.checkpoints.huggingface import HUGGINGFACE
from albertkit.checkpoints.sentence_transformers import SENTENCE_TRANSFORMERS

__all__ = [
    "FORMATS",
    "HUGGINGFACE",
    "SENTENCE_TRANSFORMERS",
    "Format",
    "Stored",
    "format_of",
    "read_checkpoint",
]
