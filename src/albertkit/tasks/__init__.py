"""What users call: vectors of texts, words for masks."""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.tasks.embed import TextEmbedder as TextEmbedder
    from albertkit.tasks.fill_mask import FillMask as FillMask
    from albertkit.tasks.vector_types import quantize_embeddings as quantize_embeddings
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "embed": ("TextEmbedder",),
            "fill_mask": ("FillMask",),
            "vector_types": ("quantize_embeddings",),
        },
    )
