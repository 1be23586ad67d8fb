"""Whether a Hugging Face directory is a BERT's, by its config.json alone."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.huggingface.format import CONFIG
from albertkit.fileformats.reader import read_json

MODEL_TYPE = "bert"


def is_bert(location: Path) -> bool:
    """By its model_type, which transformers 2 did not write yet: then by its class."""
    if not (location / CONFIG).is_file():
        return False
    settings = read_json(location / CONFIG)
    classes = settings.get("architectures")
    named = [str(name) for name in classes] if isinstance(classes, list) else []
    kind = settings.get("model_type")
    return kind == MODEL_TYPE or (kind is None and any(name.startswith("Bert") for name in named))
