"""What users call: vectors, search, labels, tags, answers and choices of texts, words for masks."""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.tasks.answer import QuestionAnswerer as QuestionAnswerer
    from albertkit.tasks.choose import MultipleChoice as MultipleChoice
    from albertkit.tasks.classify import TextClassifier as TextClassifier
    from albertkit.tasks.embed import TextEmbedder as TextEmbedder
    from albertkit.tasks.fill_mask import FillMask as FillMask
    from albertkit.tasks.mining import community_detection as community_detection
    from albertkit.tasks.mining import paraphrase_mining as paraphrase_mining
    from albertkit.tasks.mining import paraphrase_mining_embeddings as paraphrase_mining_embeddings
    from albertkit.tasks.mining import semantic_search as semantic_search
    from albertkit.tasks.pipelines import pipeline as pipeline
    from albertkit.tasks.search import Search as Search
    from albertkit.tasks.tag import TokenClassifier as TokenClassifier
    from albertkit.tasks.vector_types import quantize_embeddings as quantize_embeddings
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "answer": ("QuestionAnswerer",),
            "choose": ("MultipleChoice",),
            "classify": ("TextClassifier",),
            "embed": ("TextEmbedder",),
            "fill_mask": ("FillMask",),
            "mining": (
                "community_detection",
                "paraphrase_mining",
                "paraphrase_mining_embeddings",
                "semantic_search",
            ),
            "search": ("Search",),
            "pipelines": ("pipeline",),
            "tag": ("TokenClassifier",),
            "vector_types": ("quantize_embeddings",),
        },
    )
