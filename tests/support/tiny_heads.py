"""Directories of tiny models with a head, random weights and settings of the config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.tokenization import AlbertTokenizer
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY

SENTENCES = [
    "the world was at war, and Paris fell",
    "  In 1944 the (old) city   of London\tsaid no.",
    "a",
    "Ünïcode ﬁn and ½ of it: 2,001 people!",
    "He said that the new house of the king is very large.",
]


def save_head(
    directory: Path,
    head: str,
    labels: int = 2,
    *,
    names: Mapping[int, str] | None = None,
    seed: int = 0,
    scale: float = 1.0,
    **config: Any,
) -> Path:
    """A Hugging Face directory of a model with `head`.

    Args:
        directory: where to.
        head: a name of spec.heads.
        labels: how many classes.
        names: of the classes; None: LABEL_0 and so on.
        seed: of the weights.
        scale: of the head's weights: larger ones make surer answers.
        **config: fields of the config, or other keys of config.json.
    """
    known = {name: config.pop(name) for name in list(config) if hasattr(TINY, name)}
    id2label = dict(names or {number: f"LABEL_{number}" for number in range(labels)})
    known.setdefault("max_position_embeddings", 128)
    tiny = replace(TINY, id2label=id2label, extra={**TINY.extra, **config}, **known)
    weights = random_weights(tiny, (head,), seed)
    arrays = {
        name: array * scale if name.startswith(("classifier", "qa_outputs")) else array
        for name, array in weights.arrays.items()
    }
    HUGGINGFACE.write(Checkpoint(replace(weights, arrays=arrays)), directory)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(directory)
    return directory
