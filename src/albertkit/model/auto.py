"""Open a checkpoint of any format as the model class that has its heads.

transformers' AutoModel… classes are chosen by the caller; this one is chosen by the checkpoint:
`architectures` in its config.json, or the parameters that it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from albertkit.checkpoints import read_checkpoint
from albertkit.errors import InputError
from albertkit.model.base_model import AlbertModel
from albertkit.model.heads import (
    AlbertForMultipleChoice,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albertkit.model.masked_lm import AlbertForMaskedLM, AlbertForPreTraining
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.model.span_search import AlbertForSpanSearch
from albertkit.sources import FetchOptions, resolve_location

CLASSES: tuple[type[PretrainedAlbert], ...] = (
    AlbertModel,
    AlbertForMaskedLM,
    AlbertForPreTraining,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
    AlbertForQuestionAnswering,
    AlbertForMultipleChoice,
    AlbertForSpanSearch,
)


class AutoAlbert:
    """Opens a checkpoint as the class that has its heads; it has no instances."""

    @classmethod
    def from_pretrained(
        cls,
        location: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        **options: Any,
    ) -> PretrainedAlbert:
        """Open a model in eval mode.

        Args:
            location: A directory or file of any known format, a built-in model, or a hub's name.
            revision: Branch, tag or commit on a hub.
            token: For private models on a hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use only downloads that are already there.
            **options: The other keywords of `AlbertModel.from_pretrained`.

        Returns:
            `AlbertModel` for an encoder, `AlbertForPreTraining` for a masked LM with a sentence
            order head, else the class of the one head.

        Raises:
            InputError: [model-argument-invalid] for heads that no class has together, and as
                `AlbertModel.from_pretrained`.
            FormatError: As `AlbertModel.from_pretrained`.
        """
        fetch_options = FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        path = resolve_location(location, fetch_options)
        model_class = _choose_class(read_checkpoint(path).weights.heads, str(location))
        return model_class.from_pretrained(path, **options)


def _choose_class(heads: tuple[str, ...], location: str) -> type[PretrainedAlbert]:
    for model_class in CLASSES:
        if set(model_class.heads) == set(heads):
            return model_class
    raise InputError(
        "model-argument-invalid",
        f"{location!r} has the heads {', '.join(heads)}",
        why="no class has them together",
        fix="Open the class of one head, such as AlbertForMaskedLM",
    )
