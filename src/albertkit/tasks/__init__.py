"""What users call: vectors of texts, words for masks."""

from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.fill_mask import FillMask
from albertkit.tasks.vector_types import quantize_embeddings

__all__ = ["FillMask", "TextEmbedder", "quantize_embeddings"]
