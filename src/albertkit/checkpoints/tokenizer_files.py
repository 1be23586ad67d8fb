"""A tokenizer's files as they are written beside weights: with a tokenizer.json that gives our ids.

In: the files of a place. Out: names and bytes. transformers 5 builds another tokenizer from a bare
spiece.model (it makes added tokens of the user-defined pieces, which cut the text first), so one
is never written without the tokenizer.json that says how to read it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from albertkit.checkpoints.unsupported import unsupported
from albertkit.errors import FormatError
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.tokenization.saved_files import not_expressed, saved_files
from albertkit.tokenization.tokenizer import MODEL_MAX_LENGTH
from albertkit.tokenization.tokenizer_json.foreign import TOKENIZER_FILE
from albertkit.tokenization.vocabulary_files import VOCABULARY_ENDINGS, find_vocabulary

LOGGER = logging.getLogger(__name__)


def files_to_write(files: Sequence[Path]) -> dict[str, bytes]:
    """The files as they are, where a tokenizer.json is among them; else as a tokenizer saves them.

    A vocabulary that cannot be opened goes along as it is, with a warning in the log: trained
    weights are not lost for what lay beside them.
    """
    as_they_are = {file.name: bytes(map_file(file)) for file in files}
    names = [file.name for file in files]
    is_complete = TOKENIZER_FILE in names or not any(map(_is_vocabulary, names))
    if is_complete:
        return as_they_are
    try:
        found = find_vocabulary(files[0] if len(files) == 1 else files[0].parent, None)
    except FormatError as error:
        LOGGER.warning("the tokenizer's files are copied unread: %s", error)
        return as_they_are
    for diagnostic in not_expressed(found.vocabulary, found.policy):
        LOGGER.warning("%s", diagnostic.line())
    length = found.model_max_length or MODEL_MAX_LENGTH
    return saved_files(found.vocabulary, found.policy, length)


def sentencepiece_file(files: Sequence[Path], target: str, why: str) -> Path | None:
    """The SentencePiece model among the files; None where there are no files at all.

    Raises InputError [unsupported-by-format] where another vocabulary is there: `why` says what
    `target` does with its own.
    """
    for file in files:
        if looks_like_sentencepiece(bytes(map_file(file)[:16])):
            return file
    if files:
        raise unsupported(target, f"the vocabulary {files[0].name}", why, "tokenizer")
    return None


def _is_vocabulary(name: str) -> bool:
    return name.endswith(VOCABULARY_ENDINGS)
