"""A tokenizer's files as they are written with weights: with a tokenizer.json that gives our ids.

transformers 5 builds another tokenizer from a bare spiece.model: it makes added tokens of the
user-defined pieces, which cut the text first. So a spiece.model is never written without the
tokenizer.json that says how to read it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from albertkit.checkpoints.unsupported import unsupported_error
from albertkit.errors import FormatError
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.tokenization.saved_files import find_inexpressible, make_files
from albertkit.tokenization.tokenizer import MODEL_MAX_LENGTH
from albertkit.tokenization.tokenizer_settings import TOKENIZER_FILE
from albertkit.tokenization.vocabulary_files import VOCABULARY_ENDINGS, open_files

LOGGER = logging.getLogger(__name__)


def complete_files(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the files to write: with a tokenizer.json, if there is a vocabulary.

    A vocabulary that cannot be read is copied with a warning, so that trained weights are saved.
    """
    if TOKENIZER_FILE in files or not any(map(_is_vocabulary, files)):
        return files
    try:
        vocabulary = open_files(files, "tokenizer", None)
    except FormatError as error:
        LOGGER.warning(
            "the tokenizer's files cannot be read, and are copied as they are: %s", error
        )
        return files
    for diagnostic in find_inexpressible(vocabulary.vocabulary, vocabulary.policy):
        LOGGER.warning("%s", diagnostic.line())
    length = vocabulary.model_max_length or MODEL_MAX_LENGTH
    return make_files(
        vocabulary.vocabulary,
        vocabulary.policy,
        length,
        truncation_side=vocabulary.truncation_side,
        padding_side=vocabulary.padding_side,
    )


def find_sentencepiece_model(files: Mapping[str, bytes], target: str, why: str) -> bytes | None:
    """Return the SentencePiece model among the files; None if there are no files.

    Args:
        files: the tokenizer's files by name.
        target: the format that needs the model, with its article.
        why: why it needs a SentencePiece model.

    Raises:
        InputError: [unsupported-by-format] if there is another vocabulary, or if tokens were added
            to it: their ids would belong to no piece of the model.
    """
    for data in files.values():
        if looks_like_sentencepiece(data[:16]):
            added = open_files(files, "tokenizer").vocabulary.table.added
            if added:
                token = f"the added token {added[0].content!r}"
                raise unsupported_error(target, token, why, "tokenizer")
            return data
    if files:
        raise unsupported_error(target, f"the vocabulary {next(iter(files))}", why, "tokenizer")
    return None


def _is_vocabulary(name: str) -> bool:
    return name.endswith(VOCABULARY_ENDINGS)
