"""A model's inputs, checked while they still have the names under which the user gave them.

In: ids, mask, types, positions or embedded words, as tensors, arrays or lists. Out: ModelInputs,
of which the forward pass needs no check any more. Whatever would run and mean nothing is refused.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from albertkit.errors import InputError
from albertkit.model.checks import (
    TensorLike,
    as_tensor,
    check_not_empty,
    check_range,
    check_rank,
    check_shape,
    check_whole,
)
from albertkit.spec import AlbertConfig


class Reader(Protocol):
    """A model, as far as its inputs depend on it."""

    config: AlbertConfig

    @property
    def device(self) -> torch.device: ...


class ModelInputs(NamedTuple):
    """What the encoder takes, in the order in which it takes it."""

    words: Tensor  # ids [B, S], or embedded words [B, S, E]
    type_ids: Tensor  # [B, S]
    position_ids: Tensor  # [B, S]
    mask: Tensor | None  # bool [B, 1, 1, S], True where a key is seen; None: all are


def check_inputs(
    model: Reader,
    input_ids: TensorLike,
    attention_mask: TensorLike,
    token_type_ids: TensorLike,
    position_ids: TensorLike,
    inputs_embeds: TensorLike,
) -> ModelInputs:
    """Check all inputs of one batch and fill in the usual ones: all seen, type 0, positions 0 …

    Raises InputError: [inputs-missing], [argument-given-twice], [text-not-ids], [inputs-ragged],
    [inputs-not-numbers], [inputs-rank], [inputs-empty], [inputs-shape], [ids-not-integers],
    [id-out-of-range], [type-id-out-of-range], [text-too-long], [position-out-of-range],
    [mask-values], [mask-hides-everything], [mask-and-types-swapped].
    """
    config, device = model.config, model.device
    words = _words(config, device, input_ids, inputs_embeds)
    shape = words.shape[:2]  # [B, S]
    if shape[1] > config.max_position_embeddings:
        raise InputError(
            "text-too-long",
            f"the inputs are {shape[1]} ids long",
            why=f"this model has {config.max_position_embeddings} positions",
            fix="Truncate the text, or cut it into overlapping windows",
        )
    types = _whole("token_type_ids", token_type_ids, shape, device)
    mask = None if attention_mask is None else as_tensor("attention_mask", attention_mask, device)
    if mask is not None:
        _check_mask(mask, types, shape)
        mask = None if bool(mask.all()) else mask.bool()[:, None, None, :]
    if types is None:
        types = torch.zeros(shape, dtype=torch.long, device=device)
    check_range("type-id-out-of-range", "token_type_ids", types, config.type_vocab_size)
    return ModelInputs(words, types, _positions(config, position_ids, shape, device), mask)


def flatten_choices(
    model: Reader,
    input_ids: TensorLike,
    attention_mask: TensorLike,
    token_type_ids: TensorLike,
    position_ids: TensorLike,
    inputs_embeds: TensorLike,
) -> tuple[list[Tensor | None], int]:
    """Each input [B, C, S] (inputs_embeds [B, C, S, E]) as [B·C, S], and C.

    Raises InputError [inputs-rank], [inputs-missing].
    """
    given = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "token_type_ids": token_type_ids,
        "position_ids": position_ids,
        "inputs_embeds": inputs_embeds,
    }
    rows: list[Tensor | None] = []
    counts = []
    for name, value in given.items():
        tensor = None if value is None else as_tensor(name, value, model.device)
        if tensor is not None:
            check_rank(name, tensor, 4 if name == "inputs_embeds" else 3)
            counts.append(tensor.shape[1])
        rows.append(None if tensor is None else tensor.flatten(0, 1))
    return rows, counts[0] if counts else 0


def check_positions(given: TensorLike, slots: Tensor) -> Tensor | None:
    """masked_lm_positions: [B, P] numbers of slots; slots: anything of the inputs' shape [B, S]."""
    if given is None:
        return None
    name = "masked_lm_positions"
    positions = as_tensor(name, given, slots.device)
    check_whole(name, positions)
    check_rank(name, positions, 2)
    check_shape(name, positions, torch.Size((slots.shape[0], positions.shape[1])))
    check_range("position-out-of-range", name, positions, slots.shape[1])
    return positions.long()


def _words(
    config: AlbertConfig, device: torch.device, input_ids: TensorLike, inputs_embeds: TensorLike
) -> Tensor:
    if input_ids is None and inputs_embeds is None:
        raise InputError(
            "inputs-missing",
            "neither input_ids nor inputs_embeds is given",
            why="a model needs one of them",
            fix="Give the ids from the tokenizer, as model(**tokenizer(text))",
        )
    if input_ids is not None and inputs_embeds is not None:
        raise InputError(
            "argument-given-twice",
            "both input_ids and inputs_embeds are given",
            why="the embedded words stand in place of the ids",
            fix="Leave one out",
        )
    if inputs_embeds is not None:
        return _embedded(config, as_tensor("inputs_embeds", inputs_embeds, device))
    ids = as_tensor("input_ids", input_ids, device)
    check_whole("input_ids", ids)
    check_rank("input_ids", ids, 2)
    check_not_empty("input_ids", ids)
    check_range("id-out-of-range", "input_ids", ids, config.vocab_size)
    return ids.long()


def _embedded(config: AlbertConfig, words: Tensor) -> Tensor:
    if words.ndim != 3 or words.shape[2] != config.embedding_size or not words.is_floating_point():
        raise InputError(
            "inputs-shape",
            f"inputs_embeds is {words.dtype} of the shape {list(words.shape)}",
            why=f"it holds floats [batch, length, {config.embedding_size}], the embedding_size, "
            f"not the hidden_size {config.hidden_size}",
            fix="Take rows of the word table",
        )
    check_not_empty("inputs_embeds", words)
    return words


def _positions(
    config: AlbertConfig, given: TensorLike, shape: torch.Size, device: torch.device
) -> Tensor:
    if given is None:
        return torch.arange(shape[1], device=device).expand(shape)
    positions = as_tensor("position_ids", given, device)
    if positions.ndim == 2 and positions.shape[0] == 1:
        positions = positions.expand(shape[0], -1)
    check_whole("position_ids", positions)
    check_shape("position_ids", positions, shape)
    check_range("position-out-of-range", "position_ids", positions, config.max_position_embeddings)
    return positions.long()


def _whole(name: str, given: TensorLike, shape: torch.Size, device: torch.device) -> Tensor | None:
    if given is None:
        return None
    numbers = as_tensor(name, given, device)
    check_whole(name, numbers)
    check_shape(name, numbers, shape)
    return numbers.long()


def _check_mask(mask: Tensor, types: Tensor | None, shape: torch.Size) -> None:
    check_shape("attention_mask", mask, shape)
    seen = mask.bool()
    if types is not None and not bool(seen[:, 0].any()) and bool((types[:, 0] == 1).all()):
        raise InputError(
            "mask-and-types-swapped",
            "attention_mask begins with 0 in every row, token_type_ids with 1",
            why="a mask begins with 1 and types with 0: they are swapped",
            fix="Give them by name; by position the order is ids, mask, types",
        )
    odd = mask[(mask != 0) & (mask != 1)]
    if odd.numel():
        raise InputError(
            "mask-values",
            f"attention_mask holds {odd[0].item()}",
            why="1 is for real ids, 0 for padding, and nothing stands between",
            fix="Give the tokenizer's attention_mask",
        )
    hidden = (~seen.any(1)).nonzero()
    if len(hidden):
        raise InputError(
            "mask-hides-everything",
            f"attention_mask is 0 in all of row {hidden[0].item()}",
            why="no vector can come from a text of which nothing is seen",
            fix="Leave the row out, or give 1 for its real ids; types are all 0, a mask never",
        )
