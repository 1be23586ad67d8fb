"""Where ALBERT weights live: one file a format, each between a place and the parameter table."""

from albertkit.checkpoints.format import Format, Stored
from albertkit.checkpoints.formats import FORMATS, format_of, read_checkpoint
from albertkit.checkpoints.huggingface import HUGGINGFACE

__all__ = ["FORMATS", "HUGGINGFACE", "Format", "Stored", "format_of", "read_checkpoint"]
