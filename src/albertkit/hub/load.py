"""A place → what `hub.load` would give for it, without TensorFlow.

    preprocessor = hub.load("albert_en_preprocess_3")
    encoder = hub.load("albert_en_base_3")
    outputs = encoder(preprocessor(["How old are you?"]))

Importing this imports no torch; the first call does.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.errors import FormatError, InputError, import_extra
from albertkit.errors.keywords import check_keywords
from albertkit.runtime import LoadOptions, open_model
from albertkit.sources import resolve_location
from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy

if TYPE_CHECKING:
    from albertkit.hub.encoder import Encoder
    from albertkit.hub.preprocessor import Preprocessor

LOGGER = logging.getLogger(__name__)

# What a place without weights raises: it may be a preprocessor, or a vocabulary alone.
WITHOUT_WEIGHTS = frozenset({"file-wrong-format", "checkpoint-unrecognised", "file-not-found"})


@check_keywords
def load(
    handle: str | Path,
    *,
    policy: str | TokenizerPolicy | None = None,
    num_hidden_layers: int | None = None,
    num_attention_heads: int | None = None,
    hidden_act: str | None = None,
) -> Encoder | Preprocessor:
    """Open a place of any format, or a name that `albertkit.load` takes.

    Weights give an Encoder; its `preprocessor` reads text as the place's tokenizer does. A place
    without weights gives a Preprocessor. policy: how text is read instead; "tfhub" as
    albert_en_preprocess does. num_hidden_layers, num_attention_heads, hidden_act: what the files
    may not say.
    Raises ResourceError [extra-missing], InputError [pooler-missing], and what reading raises.
    """
    import_extra("torch", "albertkit.hub")
    from albertkit.hub.encoder import Encoder
    from albertkit.hub.preprocessor import Preprocessor

    options = LoadOptions(
        policy=policy,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
    )
    try:
        found = open_model(handle, options)
    except (FormatError, InputError) as error:
        if error.diagnostic.code not in WITHOUT_WEIGHTS:
            raise
        tokenizer = _tokenizer(handle, policy)
        if tokenizer is None:
            raise
        return Preprocessor(tokenizer)
    for note in found.notes:
        LOGGER.info("%s", note.line())
    return Encoder(
        found.weights, Preprocessor(found.optional_tokenizer) if found.optional_tokenizer else None
    )


def _tokenizer(handle: str | Path, policy: str | TokenizerPolicy | None) -> AlbertTokenizer | None:
    """The tokenizer of a place that has no weights; None where it has none either."""
    try:
        return AlbertTokenizer.from_pretrained(resolve_location(handle), policy=policy)
    except FormatError as error:
        if error.diagnostic.code != "no-vocabulary":
            raise
        return None
