"""What users call: vectors of texts, words for masks."""

from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.fill_mask import FillMask

__all__ = ["FillMask", "TextEmbedder"]
