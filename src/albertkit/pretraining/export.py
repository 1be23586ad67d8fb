"""A trained model as a directory that this package and others open."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints import HUGGINGFACE, SENTENCE_TRANSFORMERS, Checkpoint
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec import Weights
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer


def export(
    weights: Weights,
    tokenizer: AlbertTokenizer,
    place: Path,
    *,
    vectors: PoolingConfig | None = None,
    dtype: SavedDtype = "float16",
) -> None:
    """Write weights and tokenizer into the directory `place`, whole or not at all.

    vectors: how a text's vector is made; with it sentence-transformers opens the directory too.
    """
    stored = Checkpoint(add_fingerprint(weights, tokenizer), pooling=vectors)
    form = HUGGINGFACE if vectors is None else SENTENCE_TRANSFORMERS
    with new_directory(place) as folder:
        form.write(stored, folder, dtype=dtype)
        tokenizer.write_files(folder)
