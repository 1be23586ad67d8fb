"""All formats, in the order in which they are tried.

In: a place. Out: its format. Their files are imported as they are needed, since most processes open
one place: a format is asked only where the files lie that every place of it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from albertkit.checkpoints.config_overrides import NO_OVERRIDES, ConfigOverrides
from albertkit.checkpoints.format import Checkpoint, Format
from albertkit.checkpoints.location import place_at
from albertkit.checkpoints.unrecognised import no_such_place, unrecognised
from albertkit.errors import AlbertKitError


@dataclass(frozen=True, slots=True)
class LazyFormat:
    """A format that is not imported yet.

    file: of this room; the format is called there as here, in capitals. marks: the files that
    each place of it holds; none where their names are not fixed.
    """

    name: str
    file: str
    marks: tuple[str, ...] = ()

    def imported(self) -> Format:
        """The format itself."""
        home = import_module(f"albertkit.checkpoints.{self.file}")
        found: Format = getattr(home, self.name.upper().replace("-", "_"))
        return found

    def recognises(self, place: Path) -> str | None:
        """As the format's own, which is asked where the marks are there."""
        marked = all((place / mark).is_file() for mark in self.marks)
        return self.imported().recognises(place) if marked else None


FORMATS = (
    LazyFormat("sentence-transformers", "sentence_transformers.format", ("modules.json",)),
    LazyFormat("bert", "bert.format", ("config.json",)),
    LazyFormat("huggingface", "huggingface.format", ("config.json",)),
    LazyFormat("keras-hub", "keras_hub.format", ("config.json", "model.weights.h5")),
    LazyFormat("tf1-hub", "tf1.hub_module", ("tfhub_module.pb",)),
    LazyFormat("tfhub", "tfhub.format", ("saved_model.pb",)),
    LazyFormat("model-garden", "model_garden.format"),
    LazyFormat("tf1", "tf1.format"),
    LazyFormat("onnx", "onnx.format", ("model.onnx",)),
    LazyFormat("onnx-int8", "onnx.format", ("model_quantized.onnx",)),
)
# Those that can be written, the likeliest first; the others refuse to, and say why.
WRITTEN = ("huggingface", "sentence-transformers", "tfhub", "onnx", "onnx-int8", "tf1", "keras-hub")
TARGETS = tuple(each for name in WRITTEN for each in FORMATS if each.name == name)
MOST_FOLDERS = 50  # of a directory that is none: a model further in is looked for


def format_of(place: Path) -> tuple[Format, str]:
    """The format of a place, and what shows it: a directory, or a checkpoint by its prefix.

    Raises InputError [file-not-found], FormatError [checkpoint-unrecognised].
    """
    for candidate in FORMATS:
        evidence = candidate.recognises(place)
        if evidence is not None:
            return candidate.imported(), evidence
    if not place.is_dir():
        raise no_such_place(place)
    raise unrecognised(place, [inside for inside in _folders(place) if _is_recognised(inside)])


def read_checkpoint(path: Path, told: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
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
