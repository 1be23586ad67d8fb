"""A recipe file: the sizes of the model, its data, and how it is trained.

Paths in a recipe are relative to the recipe's own directory.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from albertkit.checkpoints import read_checkpoint
from albertkit.errors import FormatError
from albertkit.errors.arguments import check_fields
from albertkit.sources import BUILTIN_MODELS, resolve_location
from albertkit.spec import AlbertConfig, Weights
from albertkit.tokenization.tokenizer import AlbertTokenizer
from albertkit.training.recipe import TrainingConfig, convert_fields, parse_table, read_toml


@check_fields
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecipe:
    """The sizes of the model; the tokenizer gives the size of the vocabulary."""

    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    max_position_embeddings: int = 512
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        """Refuse sizes that no model has; raises as AlbertConfig, and [recipe-value-invalid]."""
        convert_fields(self, "model")
        AlbertConfig(**asdict(self))
        if self.num_hidden_groups > self.num_hidden_layers:
            raise FormatError(
                "recipe-value-invalid",
                f"[model] num_hidden_groups is {self.num_hidden_groups}",
                why=f"the model has {self.num_hidden_layers} layers, and each group is one of them"
                " or several",
                fix="Give num_hidden_layers or fewer",
            )

    def config(self, tokenizer: AlbertTokenizer) -> AlbertConfig:
        """The config of a model with this tokenizer's vocabulary and special ids."""
        return AlbertConfig(
            vocab_size=tokenizer.vocab_size,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
            **asdict(self),
        )


class DataConfig(Protocol):
    """What every table [data] holds."""

    @property
    def tokenizer(self) -> str:
        """A directory, a SentencePiece model, or a built-in model's name."""


Data = TypeVar("Data", bound=DataConfig)


@dataclass(frozen=True, slots=True)
class Recipe(Generic[Data]):
    """A whole recipe."""

    model: ModelRecipe
    data: Data
    training: TrainingConfig
    directory: Path  # the recipe's own

    def tokenizer(self) -> AlbertTokenizer:
        """Open the tokenizer: a path, or a built-in model's name."""
        name = self.data.tokenizer
        location = self.location(name) if name in BUILTIN_MODELS else self.path(name)
        return AlbertTokenizer.from_pretrained(location)

    def path(self, name: str) -> Path:
        """The path that the recipe calls `name`."""
        return self.directory / name

    def location(self, name: str) -> str:
        """The path that the recipe calls `name` if there is one, else a model's name."""
        path = self.path(name)
        return str(path) if path.exists() else name

    def read_weights(self, name: str) -> Weights:
        """The weights of a directory, by its path or as a model's name."""
        return read_checkpoint(resolve_location(self.location(name))).weights

    def settings(self) -> dict[str, object]:
        """All settings, flat, as a checkpoint keeps them: "training.seed" → 0."""
        return {
            f"{table}.{key}": value
            for table in ("model", "data", "training")
            for key, value in asdict(getattr(self, table)).items()
        }


def read_recipe(path: str | Path, data: type[Data]) -> Recipe[Data]:
    """Read a TOML file with the tables [model], [data] and [training].

    Args:
        path: of the file.
        data: the dataclass of the table [data].

    Raises:
        InputError: [file-not-found].
        FormatError: [recipe-malformed], [recipe-key-unknown], [recipe-key-missing],
            [recipe-value-invalid], [config-value-invalid].
    """
    tables = read_toml(path, ("model", "data", "training"))
    return Recipe(
        parse_table(ModelRecipe, tables.get("model"), "model"),
        parse_table(data, tables.get("data"), "data"),
        parse_table(TrainingConfig, tables.get("training"), "training"),
        Path(path).resolve().parent,
    )
