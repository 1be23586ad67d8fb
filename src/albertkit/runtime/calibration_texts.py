"""The texts that int8 is fitted to, where a caller names them: a file, or the texts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from albertkit.engine.calibration import check_enough
from albertkit.rows import texts_in_file
from albertkit.text import AlbertTokenizer, Encodings

Calibration: TypeAlias = str | Path | Sequence[str] | None


def calibration_texts(
    given: Calibration, tokenizer: AlbertTokenizer, max_length: int
) -> Encodings | None:
    """Read and encode them; a str is the name of a file. What is too long is cut.

    Raises InputError [calibration-missing] where they are too few, and as rows' readers do.
    """
    if given is None:
        return None
    texts = texts_in_file(Path(given)) if isinstance(given, str | Path) else list(given)
    check_enough(len(texts))
    return tokenizer.encode_batch(texts, max_length=max_length)
