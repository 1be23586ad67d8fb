"""A recipe file: the shape of the model, what it reads, and how it is optimised.

Paths in a recipe are counted from the recipe's own directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from albertkit.spec import AlbertConfig
from albertkit.tokenization.tokenizer import AlbertTokenizer
from albertkit.training.recipe import Schedule, fill, read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecipe:
    """The shape of the model; the vocabulary gives the rest."""

    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    initializer_range: float = 0.02

    def config(self, vocab_size: int) -> AlbertConfig:
        return AlbertConfig(
            vocab_size=vocab_size,
            embedding_size=self.embedding_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            intermediate_size=self.intermediate_size,
            initializer_range=self.initializer_range,
        )


class NamesTokenizer(Protocol):
    """What every table [data] says."""

    @property
    def tokenizer(self) -> str: ...


Data = TypeVar("Data", bound=NamesTokenizer)


@dataclass(frozen=True, slots=True)
class Recipe(Generic[Data]):
    """A whole recipe."""

    model: ModelRecipe
    data: Data
    schedule: Schedule
    home: Path  # the recipe's directory

    def tokenizer(self) -> AlbertTokenizer:
        return AlbertTokenizer.from_pretrained(self.home / self.data.tokenizer)


def read_recipe(place: Path, data: type[Data]) -> Recipe[Data]:
    """Read a TOML file with the tables [model], [data] (of the kind `data`) and [schedule].

    Raises InputError [file-not-found], FormatError [recipe-malformed], [recipe-key-unknown],
    [recipe-key-missing], [recipe-value-invalid].
    """
    found = read_toml(place)
    return Recipe(
        fill(ModelRecipe, found.get("model"), "model"),
        fill(data, found.get("data"), "data"),
        fill(Schedule, found.get("schedule"), "schedule"),
        place.resolve().parent,
    )
