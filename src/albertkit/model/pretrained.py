"""Loading and saving, common to all model classes.

Input: a directory of any known format, or Weights. Output: a model in eval mode; and back.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from albertkit.arrays import FloatArray
from albertkit.checkpoints import HUGGINGFACE, Checkpoint, read_checkpoint
from albertkit.checkpoints.format import NO_FILES
from albertkit.errors import FormatError
from albertkit.errors.arguments import check_keywords
from albertkit.fileformats.atomic import create_directory
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.model.albert import (
    AlbertEmbeddings,
    AlbertTransformer,
    Attention,
    MaskedLMHead,
    create_empty_embedding,
    initialize_weights,
)
from albertkit.model.opening_options import (
    check_device,
    check_dtype,
    choose_dtype,
    name_classes,
    read_device_map,
)
from albertkit.sources import FetchOptions, resolve_location
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.config_values import ProblemType
from albertkit.spec.parameters import ParameterTable, parameter_table

LOGGER = logging.getLogger(__name__)

PREFIX = "albert."  # of the encoder inside a class with a head
Part = TypeVar("Part", bound=nn.Module)


class PretrainedAlbert(nn.Module, ABC):
    """A model that knows its config, opens and saves itself.

    heads: names of the class's heads in `spec.heads`.
    """

    heads: ClassVar[tuple[str, ...]] = ()

    config: AlbertConfig
    tokenizer_files: Mapping[str, bytes] = NO_FILES  # contents by name, saved with the model

    @classmethod
    @abstractmethod
    def create_for(cls, config: AlbertConfig, weights: Weights, attention: Attention) -> Self:
        """Create an untrained model of this class that can take `weights`."""

    @classmethod
    @check_keywords
    def from_pretrained(
        cls,
        location: str | Path,
        *,
        dtype: str | torch.dtype | None = None,
        torch_dtype: str | torch.dtype | None = None,
        device: str | torch.device = "cpu",
        device_map: str | Mapping[str, str | int] | None = None,
        attn_implementation: Attention = "sdpa",
        config: AlbertConfig | None = None,
        num_labels: int | None = None,
        id2label: Mapping[int, str] | None = None,
        label2id: Mapping[str, int] | None = None,
        problem_type: ProblemType | None = None,
        hidden_dropout_prob: float | None = None,
        attention_probs_dropout_prob: float | None = None,
        classifier_dropout_prob: float | None = None,
        output_loading_info: bool = False,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Open a model in eval mode.

        Parts that the checkpoint lacks (a head, the pooler) are initialized as for pretraining,
        and a warning names them.

        Args:
            location: A directory or file of any known format, a built-in model, or a hub's name.
            dtype: Type of the parameters: "float32" (default), "float16", "bfloat16", or "auto"
                for the one in the checkpoint's config.
            torch_dtype: The old name of `dtype`.
            device: Where the parameters go.
            device_map: As in transformers: "auto" for a GPU if there is one, else a device.
            attn_implementation: "sdpa", torch's fused attention, or "eager".
            config: Used in place of the checkpoint's config.
            num_labels: Number of classes; a head of another width is replaced by a new one.
            id2label: Names of the classes, by number.
            label2id: Numbers of the classes, by name.
            problem_type: Which loss a sequence classifier has.
            hidden_dropout_prob: Dropout rate of the layers in training.
            attention_probs_dropout_prob: Dropout rate of the attention in training.
            classifier_dropout_prob: Dropout rate before a head in training.
            output_loading_info: Return a tuple, which the type does not say: the model, and a dict
                with `missing_keys`, `unexpected_keys`, `mismatched_keys` and `error_msgs`.
            revision: Branch, tag or commit on a hub.
            token: For private models on a hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use only downloads that are already there.

        Returns:
            The model.

        Raises:
            InputError: [model-argument-invalid], [config-value-invalid], and as `resolve_location`
                and `read_checkpoint`.
            FormatError: [checkpoint-without-encoder], and as `read_checkpoint`.
        """
        options = FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        checkpoint = read_checkpoint(resolve_location(location, options))
        for note in checkpoint.notes:
            LOGGER.info("%s", note.line())
        weights = checkpoint.weights
        changes: dict[str, Any] = {
            "problem_type": problem_type,
            "hidden_dropout_prob": hidden_dropout_prob,
            "attention_probs_dropout_prob": attention_probs_dropout_prob,
            "classifier_dropout_prob": classifier_dropout_prob,
        }
        config = name_classes(config or weights.config, num_labels, id2label, label2id)
        config = replace(
            config, **{name: value for name, value in changes.items() if value is not None}
        )
        model = cls.from_weights(
            replace(weights, config=config),
            dtype=choose_dtype(dtype, torch_dtype, weights.config),
            device=device if device_map is None else read_device_map(device_map),
            attn_implementation=attn_implementation,
        )
        model.tokenizer_files = checkpoint.tokenizer_files
        if output_loading_info:
            return cast("Self", (model, _describe_loading(model, weights)))
        return model

    @classmethod
    def from_weights(
        cls,
        weights: Weights,
        *,
        dtype: str | torch.dtype = "float32",
        device: str | torch.device = "cpu",
        attn_implementation: Attention = "sdpa",
        num_labels: int | None = None,
    ) -> Self:
        """Create a model of this class with a copy of `weights`.

        Args:
            weights: The parameters and the config.
            dtype: Type of the parameters: "float32", "float16" or "bfloat16".
            device: Where the parameters go.
            attn_implementation: "sdpa", torch's fused attention, or "eager".
            num_labels: Number of classes; a head of another width is replaced by a new one.

        Returns:
            The model in eval mode.

        Raises:
            InputError: [model-argument-invalid].
            FormatError: [checkpoint-without-encoder].
        """
        config = name_classes(weights.config, num_labels)
        torch_type, target = check_dtype(dtype), check_device(device)
        with torch.device("meta"):  # so that no parameter is initialized twice
            model = cls.create_for(config, weights, attn_implementation)
        missing = _fill(model, weights, torch_type, target)
        if missing:
            LOGGER.warning(
                "%s has no %s: these parts are new and untrained",
                weights.origin or "the checkpoint",
                ", ".join(missing),
            )
        return model.eval()

    @check_keywords
    def save_pretrained(self, location: str | Path, *, dtype: SavedDtype = "float32") -> None:
        """Write a directory that transformers opens, completely or not at all.

        The tokenizer's files of the checkpoint that the model came from are written, too.

        Args:
            location: The directory, which may exist.
            dtype: Type of the saved parameters.

        Raises:
            InputError: [float16-overflow].
            ResourceError: [write-failed].
        """
        with create_directory(Path(location)) as directory:
            HUGGINGFACE.write(
                Checkpoint(self.weights(), self.tokenizer_files), directory, dtype=dtype
            )

    def weights(self) -> Weights:
        """Return the parameters under their canonical names, as float32 arrays.

        They share the memory of float32 parameters on the CPU: copy them to keep them.
        """
        arrays = {
            name: _convert_to_array(value) for name, value in self.canonical_parameters().items()
        }
        return Weights(self.config, self.heads, arrays, origin=type(self).__name__)

    def canonical_parameters(self) -> dict[str, nn.Parameter]:
        """Return the parameters under the names of the parameter table."""
        return {name.removeprefix(PREFIX): value for name, value in self.named_parameters()}

    def table(self) -> ParameterTable:
        """Return the rows of the parameter table that this model has."""
        pooler = "pooler.weight" in self.canonical_parameters()
        return parameter_table(self.config, self.heads, pooler=pooler)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the parameters."""
        return next(self.parameters()).dtype

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the word embeddings [V, E]."""
        return self._find(AlbertEmbeddings).word_embeddings

    def set_input_embeddings(self, embeddings: nn.Embedding) -> None:
        """Replace the word embeddings, which the masked-LM head uses, too; E must stay."""
        self._find(AlbertEmbeddings).word_embeddings = embeddings

    def resize_token_embeddings(self, new_num_tokens: int) -> nn.Embedding:
        """Change the size of the vocabulary.

        Args:
            new_num_tokens: Number of ids. New rows are initialized as for pretraining, with bias 0
                in the masked-LM head; rows are removed at the end.

        Returns:
            The new word embeddings.

        Raises:
            InputError: [config-value-invalid] for less than one id.
        """
        config = replace(self.config, vocab_size=new_num_tokens)
        old = self.get_input_embeddings().weight
        kept = min(len(old), config.vocab_size)
        embeddings = create_empty_embedding(config.vocab_size, config.embedding_size)
        embeddings = embeddings.to(old.device, old.dtype)
        initialize_weights(embeddings, config.initializer_range)
        with torch.no_grad():
            embeddings.weight[:kept] = old[:kept]
        embeddings.weight.requires_grad_(old.requires_grad)
        self.set_input_embeddings(embeddings)
        for part in self.modules():
            if isinstance(part, PretrainedAlbert):
                part.config = config
            if isinstance(part, MaskedLMHead):
                bias = part.bias.new_zeros(config.vocab_size)
                bias[:kept] = part.bias.detach()[:kept]
                part.bias = nn.Parameter(bias, requires_grad=part.bias.requires_grad)
        return embeddings

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, object] | None = None
    ) -> None:
        """Compute the layers again in the backward pass: less memory, about a third slower.

        Args:
            gradient_checkpointing_kwargs: transformers' options; `use_reentrant` is always False.
        """
        self._find(AlbertTransformer).gradient_checkpointing = True

    def gradient_checkpointing_disable(self) -> None:
        """Keep the results of all layers for the backward pass; this is the default."""
        self._find(AlbertTransformer).gradient_checkpointing = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether layers are computed again in the backward pass."""
        return self._find(AlbertTransformer).gradient_checkpointing

    def _find(self, kind: type[Part]) -> Part:
        """The model's only part of this class."""
        return next(part for part in self.modules() if isinstance(part, kind))


def _fill(
    model: PretrainedAlbert, weights: Weights, dtype: torch.dtype, device: torch.device
) -> list[str]:
    """Copy `weights` to the model; returns the names of modules that are initialized instead."""
    missing: dict[str, nn.Module] = {}
    state: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        array = weights.arrays.get(name.removeprefix(PREFIX))
        if array is not None and array.shape == tuple(parameter.shape):
            state[name] = torch.from_numpy(np.array(array)).to(device, dtype)
        else:
            state[name] = torch.empty(tuple(parameter.shape), dtype=dtype, device=device)
            module = name.rpartition(".")[0]
            missing[module.removeprefix(PREFIX)] = model.get_submodule(module)
    _check_only_heads(missing, model, weights)
    model.load_state_dict(state, assign=True)
    for part in missing.values():
        initialize_weights(part, model.config.initializer_range)
    return list(missing)


def _check_only_heads(missing: Iterable[str], model: PretrainedAlbert, weights: Weights) -> None:
    parts = [name for name in missing if name.startswith(("embeddings.", "encoder."))]
    if parts:
        raise FormatError(
            "checkpoint-without-encoder",
            f"there is no {parts[0]} in the shape that {type(model).__name__} has",
            why="weights and config do not belong together",
            fix="Give complete weights with their own config",
            where=weights.origin,
        )


def _describe_loading(model: PretrainedAlbert, weights: Weights) -> dict[str, list[object]]:
    """transformers' loading info: which parameters differ between checkpoint and model."""
    shapes = {name: array.shape for name, array in weights.arrays.items()}
    own = {name: tuple(value.shape) for name, value in model.canonical_parameters().items()}
    return {
        "missing_keys": [name for name in own if name not in shapes],
        "unexpected_keys": [name for name in shapes if name not in own],
        "mismatched_keys": [
            (name, shapes[name], shape)
            for name, shape in own.items()
            if name in shapes and shapes[name] != shape
        ],
        "error_msgs": [],
    }


def _convert_to_array(value: Tensor) -> FloatArray:
    array: FloatArray = value.detach().float().cpu().numpy()
    return array
