"""Loading and saving: what all classes of the models share.

In: a directory of any known format, or Weights. Out: a model in eval mode; and back.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from albertkit.arrays import FloatArray
from albertkit.checkpoints import HUGGINGFACE, Checkpoint, read_checkpoint
from albertkit.checkpoints.checkpoint import NO_FILES
from albertkit.errors import FormatError, InputError
from albertkit.errors.keywords import check_keywords
from albertkit.errors.wording import first_line
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.model.albert import Attention, initialize_weights
from albertkit.sources import FetchOptions, resolve_location
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import ParameterTable, parameter_table

LOGGER = logging.getLogger(__name__)

DTYPES = MappingProxyType(
    {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
)
PREFIX = "albert."  # of the encoder inside a class with a head


class PretrainedAlbert(nn.Module, ABC):
    """A model that knows its config, loads itself and saves itself.

    heads: names of the class's heads in `spec.heads`.
    """

    heads: ClassVar[tuple[str, ...]] = ()

    config: AlbertConfig
    tokenizer_files: Mapping[str, bytes] = NO_FILES  # contents by name, saved with the model

    @classmethod
    @abstractmethod
    def create_for(cls, config: AlbertConfig, weights: Weights, attention: Attention) -> Self:
        """An untrained model of this class, to take `weights`."""

    @classmethod
    @check_keywords
    def from_pretrained(
        cls,
        place: str | Path,
        *,
        dtype: str | torch.dtype = "float32",
        device: str | torch.device = "cpu",
        attn_implementation: Attention = "sdpa",
        num_labels: int | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Open a directory, a built-in model or one of a hub, in eval mode.

        num_labels: of a new classification head, where the directory has none of that width.
        revision, token, cache_dir, local_files_only: how a hub is asked (docs/sources.md).
        Parts that the directory lacks (a head, the pooler below one) begin as in pretraining, and
        the log names them. Raises as `resolve_location` and `read_checkpoint` do, InputError
        [model-argument-invalid].
        """
        fetch_options = FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        stored = read_checkpoint(resolve_location(place, fetch_options))
        for note in stored.notes:
            LOGGER.info("%s", note.line())
        model = cls.from_weights(
            stored.weights,
            dtype=dtype,
            device=device,
            attn_implementation=attn_implementation,
            num_labels=num_labels,
        )
        model.tokenizer_files = stored.tokenizer_files
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
        """A model of this class with a copy of `weights`; else as `from_pretrained`."""
        config = _relabelled(weights.config, num_labels)
        precision, place = _dtype(dtype), _device(device)
        with torch.device("meta"):  # so that nothing is filled twice
            model = cls.create_for(config, weights, attn_implementation)
        missing = _fill(model, weights, precision, place)
        if missing:
            LOGGER.warning(
                "%s has no %s: these parts are new and untrained",
                weights.origin or "the checkpoint",
                ", ".join(missing),
            )
        return model.eval()

    @check_keywords
    def save_pretrained(self, place: str | Path, *, dtype: SavedDtype = "float32") -> None:
        """Write a directory that transformers opens, whole or not at all.

        The tokenizer's files of the directory that the model came from go along.
        Raises InputError [float16-overflow], ResourceError [write-failed].
        """
        with new_directory(Path(place)) as directory:
            HUGGINGFACE.write(
                Checkpoint(self.weights(), self.tokenizer_files), directory, dtype=dtype
            )

    def weights(self) -> Weights:
        """The parameters under their canonical names, as float32 arrays.

        They share the memory of float32 parameters on the CPU: copy them to keep them.
        """
        arrays = {name: _array(value) for name, value in self.canonical_parameters().items()}
        return Weights(self.config, self.heads, arrays, origin=type(self).__name__)

    def canonical_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters under the names of the parameter table."""
        return {name.removeprefix(PREFIX): value for name, value in self.named_parameters()}

    def table(self) -> ParameterTable:
        """The rows of the parameter table that this model has."""
        pooler = "pooler.weight" in self.canonical_parameters()
        return parameter_table(self.config, self.heads, pooler=pooler)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


def _relabelled(config: AlbertConfig, count: int | None) -> AlbertConfig:
    if count is None or count == config.num_labels:
        return config
    if count < 1:
        raise InputError(
            "model-argument-invalid",
            f"num_labels is {count}",
            why="a head gives at least one number",
            fix="Give the number of classes",
        )
    labels = MappingProxyType({number: f"LABEL_{number}" for number in range(count)})
    return replace(config, id2label=labels)


def _dtype(given: str | torch.dtype) -> torch.dtype:
    found = DTYPES.get(given) if isinstance(given, str) else given
    if found is None or found not in DTYPES.values():
        raise InputError(
            "model-argument-invalid",
            f"dtype is {given!r}",
            why=f"known are {', '.join(DTYPES)}",
            fix="Take one of these",
        )
    return found


def _device(given: str | torch.device) -> torch.device:
    try:
        found = torch.device(given)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            "model-argument-invalid",
            f"device is {str(given)!r}, which is not here",
            why=first_line(error),
            fix="Take 'cpu', or a device that torch sees",
        ) from error
    return found


def _fill(
    model: PretrainedAlbert, weights: Weights, dtype: torch.dtype, device: torch.device
) -> list[str]:
    """Give the model copies of `weights`; returns the names of the modules that are new instead."""
    missing: dict[str, nn.Module] = {}
    state: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        array = weights.arrays.get(name.removeprefix(PREFIX))
        if array is not None and array.shape == tuple(parameter.shape):
            state[name] = torch.from_numpy(np.array(array)).to(device, dtype)
        else:
            state[name] = torch.empty(tuple(parameter.shape), dtype=dtype, device=device)
            owner = name.rpartition(".")[0]
            missing[owner.removeprefix(PREFIX)] = model.get_submodule(owner)
    _check_only_heads(missing, model, weights)
    model.load_state_dict(state, assign=True)
    for part in missing.values():
        initialize_weights(part, model.config.initializer_range)
    return list(missing)


def _check_only_heads(missing: Iterable[str], model: PretrainedAlbert, weights: Weights) -> None:
    lost = [name for name in missing if name.startswith(("embeddings.", "encoder."))]
    if lost:
        raise FormatError(
            "checkpoint-without-encoder",
            f"{lost[0]} is not there in the shape that {type(model).__name__} has",
            why="weights and config do not belong together",
            fix="Give whole weights with their own config",
            where=weights.origin,
        )


def _array(value: Tensor) -> FloatArray:
    array: FloatArray = value.detach().float().cpu().numpy()
    return array
