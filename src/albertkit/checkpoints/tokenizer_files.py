"""A tokenizer's files as they are written beside weights: with a tokenizer.json that gives our ids.

In: the files of a place. Out: names and bytes. transformers 5 builds another tokenizer from a bare
spiece.model (it makes added tokens of the user-defined pieces, which cut the text first), so one
is never written without the tokenizer.json that says how to read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from albertkit.fileformats.reader import map_file
from albertkit.text.foreign import TOKENIZER_FILE
from albertkit.text.saved_files import saved_files
from albertkit.text.tokenizer import MODEL_MAX_LENGTH
from albertkit.text.vocabulary_files import VOCABULARY_ENDINGS, find_vocabulary


def files_to_write(files: Sequence[Path]) -> dict[str, bytes]:
    """The files as they are, where a tokenizer.json is among them; else as a tokenizer saves them.

    Raises FormatError for a vocabulary that cannot be opened.
    """
    names = [file.name for file in files]
    is_complete = TOKENIZER_FILE in names or not any(map(_is_vocabulary, names))
    if is_complete:
        return {file.name: bytes(map_file(file)) for file in files}
    found = find_vocabulary(files[0] if len(files) == 1 else files[0].parent, None)
    length = found.model_max_length or MODEL_MAX_LENGTH
    return saved_files(found.vocabulary, found.policy, length)


def _is_vocabulary(name: str) -> bool:
    return name.endswith(VOCABULARY_ENDINGS)
