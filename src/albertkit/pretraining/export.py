"""Write a trained model as a directory that this package and others open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from albertkit.checkpoints import HUGGINGFACE, SENTENCE_TRANSFORMERS, Checkpoint
from albertkit.fileformats.atomic import create_directory
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec import Weights
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer


def export(
    weights: Weights,
    tokenizer: AlbertTokenizer,
    directory: str | Path,
    *,
    pooling: PoolingConfig | None = None,
    dtype: SavedDtype = "float16",
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write weights and tokenizer into the directory, whole or not at all.

    Args:
        weights: of the model.
        tokenizer: of the model.
        directory: to write.
        pooling: how token vectors become a text's vector; with it sentence-transformers opens the
            directory too.
        dtype: of the weights in the file.
        files: more files, by their names, such as a model card.
    """
    checkpoint = Checkpoint(add_fingerprint(weights, tokenizer), pooling=pooling)
    form = HUGGINGFACE if pooling is None else SENTENCE_TRANSFORMERS
    with create_directory(Path(directory)) as staging:
        form.write(checkpoint, staging, dtype=dtype)
        tokenizer.write_files(staging)
        for name, content in (files or {}).items():
            (staging / name).write_bytes(content)
