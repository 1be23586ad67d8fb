"""All formats, in the order in which they are tried."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.bert import BERT
from albertkit.checkpoints.format import Format, Stored
from albertkit.checkpoints.huggingface import HUGGINGFACE
from albertkit.checkpoints.keras_hub import KERAS_HUB
from albertkit.checkpoints.model_garden import MODEL_GARDEN
from albertkit.checkpoints.onnx import ONNX, ONNX_INT8
from albertkit.checkpoints.place import place_at
from albertkit.checkpoints.sentence_transformers import SENTENCE_TRANSFORMERS
from albertkit.checkpoints.tf1 import TF1
from albertkit.checkpoints.tf1_hub import TF1_HUB
from albertkit.checkpoints.tfhub import TFHUB
from albertkit.checkpoints.told import NOTHING_TOLD, Told
from albertkit.checkpoints.unrecognised import no_such_place, unrecognised
from albertkit.errors import AlbertKitError

FORMATS: tuple[Format, ...] = (
    SENTENCE_TRANSFORMERS,
    BERT,
    HUGGINGFACE,
    KERAS_HUB,
    TF1_HUB,
    TFHUB,
    MODEL_GARDEN,
    TF1,
    ONNX,
    ONNX_INT8,
)
# Those that can be written; the others refuse to, and say why.
TARGETS: tuple[Format, ...] = (
    HUGGINGFACE,
    SENTENCE_TRANSFORMERS,
    TFHUB,
    ONNX,
    ONNX_INT8,
    TF1,
    KERAS_HUB,
)
MOST_FOLDERS = 50  # of a directory that is none: a model further in is looked for


def format_of(place: Path) -> tuple[Format, str]:
    """The format of a place, and what shows it: a directory, or a checkpoint by its prefix.

    Raises InputError [file-not-found], FormatError [checkpoint-unrecognised].
    """
    for candidate in FORMATS:
        evidence = candidate.recognises(place)
        if evidence is not None:
            return candidate, evidence
    if not place.is_dir():
        raise no_such_place(place)
    raise unrecognised(place, [inside for inside in _folders(place) if _is_recognised(inside)])


def read_checkpoint(path: Path, told: Told = NOTHING_TOLD) -> Stored:
    """Open what `path` means: a directory, a prefix, a file of either, or an archive.

    Raises as `place_at`, `format_of` and the format's `read`.
    """
    place = place_at(path)
    with place.speaking():
        found, _ = format_of(place.path)
        return place.as_given(found.read(place.path, told))


def _folders(place: Path) -> list[Path]:
    """Where a model may lie further in: a folder of the place, or one of a hub's snapshots."""
    found = [*place.iterdir(), *place.glob("snapshots/*")]
    return sorted(entry for entry in found if entry.is_dir())[:MOST_FOLDERS]


def _is_recognised(place: Path) -> bool:
    try:
        return any(candidate.recognises(place) for candidate in FORMATS)
    except AlbertKitError:
        return False
