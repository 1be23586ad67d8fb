"""The published models that people ask for, with what is known of each: catalogue.toml as values.

Only `albertkit models` and the documentation import this: any other name works as well.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from albertkit.errors import InputError
from albertkit.errors.exceptions import find_nearest_name
from albertkit.sources.names import BUILTIN_MODELS

Purpose = Literal["vectors", "words"]
FILE = Path(__file__).with_name("catalogue.toml")
NOT_STATED = "not stated"
COMMANDS: Mapping[Purpose, str] = {
    "vectors": 'albertkit embed -m {name} "a text"',
    "words": 'albertkit fill-mask -m {name} "… [MASK] …"',
}
MANY_LANGUAGES = 3  # from this number on they are counted if space is short


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """What is known of a published model.

    Attributes:
        name: As commands and functions take it.
        purpose: "vectors" of texts, or "words" for masks, which is also what is tuned.
        languages: ISO 639-1 codes.
        shape: The name of its sizes in `read_shapes`.
        speed: Tokens a second, as a multiple of albert-base-v2's, measured on random weights.
        vocab_size: None: not stated.
        parameters: Of the encoder with its pooler; of a model inside the package, all. None: not
            stated.
        megabytes: Of its file; None: float32, four bytes for each parameter.
        licence: As its page states it; None: not stated.
        scores: As published; None: not stated.
        source: Of the scores.
        note: What a user should know.
    """

    name: str
    purpose: Purpose
    languages: tuple[str, ...]
    shape: str
    speed: float
    vocab_size: int | None = None
    parameters: int | None = None
    megabytes: int | None = None
    licence: str | None = None
    scores: str | None = None
    source: str | None = None
    note: str | None = None

    @property
    def is_builtin(self) -> bool:
        """Whether it is inside the package."""
        return self.name in BUILTIN_MODELS

    @property
    def command(self) -> str:
        """The command that uses it."""
        return COMMANDS[self.purpose].format(name=self.name)

    @property
    def size(self) -> int | None:
        """Megabytes of its file in float32, of a built-in model in float16."""
        if self.megabytes is not None or self.parameters is None:
            return self.megabytes
        return round(self.parameters * 4 / 1e6)

    @property
    def short_languages(self) -> str:
        """The languages, or their number if there are many."""
        count = len(self.languages)
        return " ".join(self.languages) if count < MANY_LANGUAGES else f"{count} languages"

    @property
    def short_speed(self) -> str:
        """The speed with two digits."""
        return f"{self.speed:.2g}"

    @property
    def short_parameters(self) -> str:
        """Millions of parameters, with one decimal."""
        return NOT_STATED if self.parameters is None else f"{self.parameters / 1e6:.1f} M"


def find_models(
    purpose: Purpose | None = None, language: str | None = None
) -> tuple[CatalogueModel, ...]:
    """List the models for a purpose and a language, built-in models first.

    Args:
        purpose: None: all.
        language: An ISO 639-1 code; None: all.

    Raises:
        InputError: [option-invalid] if no model of the list is for this language.
    """
    models = read_catalogue()
    known = sorted({code for model in models for code in model.languages})
    if language is not None and language not in known:
        raise InputError(
            "option-invalid",
            f"no listed model is for the language {language!r}",
            why=f"the list has {', '.join(known)}",
            fix="Take one of these codes, or search on huggingface.co for an ALBERT or BERT",
        )
    return tuple(
        model
        for model in models
        if purpose in (None, model.purpose) and (language is None or language in model.languages)
    )


def find_model(name: str) -> CatalogueModel:
    """Find a model by its name, with or without its owner.

    Args:
        name: Such as "albert/albert-base-v2" or "albert-base-v2".

    Raises:
        InputError: [unknown-model] if it is not in the list.
    """
    models = {model.name: model for model in read_catalogue()}
    for model in models.values():
        if name in (model.name, model.name.rpartition("/")[2]):
            return model
    like = [key for key in models if name.lower() in key.lower()]
    near = find_nearest_name(name, like or [*models, *(key.rpartition("/")[2] for key in models)])
    near = near or next(iter(like), None)
    raise InputError(
        "unknown-model",
        f"the list has no model {name!r}" + (f" (did you mean {near!r}?)" if near else ""),
        why="the list has only the models that most people need",
        fix=f"albertkit models shows the list, albertkit inspect {name} describes any model",
    )


@cache
def read_catalogue() -> tuple[CatalogueModel, ...]:
    """The whole list, built-in models first."""
    document = _read_file()
    shapes = document["shapes"]
    models = [
        CatalogueModel(
            **{**fields, "languages": tuple(fields["languages"])},
            speed=shapes[fields["shape"]]["speed"],
        )
        for fields in document["models"]
    ]
    return tuple(sorted(models, key=lambda model: not model.is_builtin))


def read_shapes() -> dict[str, dict[str, int]]:
    """The sizes of the listed models: name → fields of AlbertConfig, without vocab_size."""
    return {
        name: {field: value for field, value in fields.items() if field != "speed"}
        for name, fields in _read_file()["shapes"].items()
    }


def _read_file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
