"""Where ALBERT weights live: one file a format, each between a place and the parameter table."""

from albertkit.checkpoints.format import Format, Stored
from albertkit.checkpoints.formats import FORMATS, TARGETS, format_of, read_checkpoint
from albertkit.checkpoints.huggingface import HUGGINGFACE
from albertkit.checkpoints.place import Place, place_at
from albertkit.checkpoints.sentence_transformers import SENTENCE_TRANSFORMERS
from albertkit.checkpoints.told import NOTHING_TOLD, Told

__all__ = [
    "FORMATS",
    "HUGGINGFACE",
    "NOTHING_TOLD",
    "SENTENCE_TRANSFORMERS",
    "TARGETS",
    "Format",
    "Place",
    "Stored",
    "Told",
    "format_of",
    "place_at",
    "read_checkpoint",
]
