"""A model's inputs, checked while they still have the user's names.

Input: ids, mask, type ids, positions or word vectors, as tensors, arrays or lists. Output:
ModelInputs, which the forward pass need not check again. Inputs that would run but mean nothing
are refused.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from albertkit.errors import InputError
from albertkit.model.checks import (
    TensorLike,
    check_not_empty,
    check_range,
    check_rank,
    check_shape,
    check_whole,
    convert_to_tensor,
    is_recorded,
)
from albertkit.spec import AlbertConfig


class InputReader(Protocol):
    """The part of a model that its inputs depend on."""

    config: AlbertConfig

    @property
    def device(self) -> torch.device:
        """Where the inputs go."""


class ModelInputs(NamedTuple):
    """The encoder's arguments, in their order."""

    words: Tensor  # ids [B, S], or word vectors [B, S, E]
    type_ids: Tensor  # [B, S]
    position_ids: Tensor  # [B, S]
    mask: Tensor | None  # bool [B, 1, 1, S], True for keys to attend to; None: all


def check_inputs(
    model: InputReader,
    input_ids: TensorLike,
    attention_mask: TensorLike,
    token_type_ids: TensorLike,
    position_ids: TensorLike,
    inputs_embeds: TensorLike,
) -> ModelInputs:
    """Check all inputs of a batch and fill in the defaults.

    Args:
        model: The model that reads them.
        input_ids: [B, S]; required unless `inputs_embeds` is given.
        attention_mask: [B, S], 1 for real ids and 0 for padding; default all 1.
        token_type_ids: [B, S]; default all 0.
        position_ids: [B, S] or [1, S]; default 0 … S - 1.
        inputs_embeds: [B, S, E], in place of rows of the word embeddings.

    Returns:
        The checked inputs on the model's device.

    Raises:
        InputError: [inputs-missing], [argument-given-twice], [text-not-ids], [inputs-ragged],
            [inputs-not-numbers], [inputs-rank], [inputs-empty], [inputs-shape], [ids-not-integers],
            [id-out-of-range], [type-id-out-of-range], [text-too-long], [position-out-of-range],
            [mask-values], [mask-hides-everything], [mask-and-types-swapped].
    """
    config, device = model.config, model.device
    words = _check_words(config, device, input_ids, inputs_embeds)
    shape = words.shape[:2]  # [B, S]
    _check_length(config, shape)
    type_ids = None
    if token_type_ids is not None:
        type_ids = convert_to_tensor("token_type_ids", token_type_ids, device)
        check_whole("token_type_ids", type_ids)
        check_shape("token_type_ids", type_ids, shape)
    mask = None
    if attention_mask is not None:
        mask = _check_mask(
            convert_to_tensor("attention_mask", attention_mask, device), type_ids, shape
        )
    if type_ids is None:
        type_ids = torch.zeros(shape, dtype=torch.long, device=device)
    check_range("type-id-out-of-range", "token_type_ids", type_ids, config.type_vocab_size)
    positions = _check_position_ids(config, position_ids, shape, device)
    return ModelInputs(words, type_ids.long(), positions, mask)


def flatten_choices(
    model: InputReader,
    input_ids: TensorLike,
    attention_mask: TensorLike,
    token_type_ids: TensorLike,
    position_ids: TensorLike,
    inputs_embeds: TensorLike,
) -> tuple[list[Tensor | None], int]:
    """Make one row of each choice.

    Args:
        model: The model that reads the inputs.
        input_ids: [B, C, S], as all others.
        attention_mask: See `input_ids`.
        token_type_ids: See `input_ids`.
        position_ids: See `input_ids`.
        inputs_embeds: [B, C, S, E].

    Returns:
        Each input [B·C, S] (inputs_embeds [B·C, S, E]), and C.

    Raises:
        InputError: [inputs-rank], and as `convert_to_tensor`.
    """
    values = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "token_type_ids": token_type_ids,
        "position_ids": position_ids,
        "inputs_embeds": inputs_embeds,
    }
    rows: list[Tensor | None] = []
    counts = []
    for name, value in values.items():
        tensor = None if value is None else convert_to_tensor(name, value, model.device)
        if tensor is not None:
            check_rank(name, tensor, 4 if name == "inputs_embeds" else 3)
            counts.append(tensor.shape[1])
        rows.append(None if tensor is None else tensor.flatten(0, 1))
    return rows, counts[0] if counts else 0


def check_masked_positions(value: TensorLike, like: Tensor) -> Tensor | None:
    """Check `masked_lm_positions`.

    Args:
        value: [B, P], the positions whose words are predicted.
        like: Any tensor of the inputs' shape [B, S].

    Returns:
        The positions [B, P], or None if none are given.

    Raises:
        InputError: [ids-not-integers], [inputs-rank], [inputs-shape], [position-out-of-range].
    """
    if value is None:
        return None
    name = "masked_lm_positions"
    positions = convert_to_tensor(name, value, like.device)
    check_whole(name, positions)
    check_rank(name, positions, 2)
    check_shape(name, positions, torch.Size((like.shape[0], positions.shape[1])))
    check_range("position-out-of-range", name, positions, like.shape[1])
    return positions.long()


def _check_words(
    config: AlbertConfig, device: torch.device, input_ids: TensorLike, inputs_embeds: TensorLike
) -> Tensor:
    if input_ids is None and inputs_embeds is None:
        raise InputError(
            "inputs-missing",
            "neither input_ids nor inputs_embeds is given",
            why="a model needs one of them",
            fix="Give the tokenizer's ids: model(**tokenizer(text))",
        )
    if input_ids is not None and inputs_embeds is not None:
        raise InputError(
            "argument-given-twice",
            "both input_ids and inputs_embeds are given",
            why="the word vectors replace the ids",
            fix="Leave one out",
        )
    if inputs_embeds is not None:
        return _check_word_vectors(
            config, convert_to_tensor("inputs_embeds", inputs_embeds, device)
        )
    ids = convert_to_tensor("input_ids", input_ids, device)
    check_whole("input_ids", ids)
    check_rank("input_ids", ids, 2)
    check_not_empty("input_ids", ids)
    check_range("id-out-of-range", "input_ids", ids, config.vocab_size)
    return ids.long()


def _check_word_vectors(config: AlbertConfig, words: Tensor) -> Tensor:
    if words.ndim != 3 or words.shape[2] != config.embedding_size or not words.is_floating_point():
        raise InputError(
            "inputs-shape",
            f"inputs_embeds is {words.dtype} of the shape {list(words.shape)}",
            why=f"it must hold floats [batch, length, {config.embedding_size}]: the "
            f"embedding_size, not the hidden_size {config.hidden_size}",
            fix="Give rows of the word embeddings",
        )
    check_not_empty("inputs_embeds", words)
    return words


def _check_length(config: AlbertConfig, shape: torch.Size) -> None:
    if not is_recorded() and shape[1] > config.max_position_embeddings:
        raise InputError(
            "text-too-long",
            f"the inputs are {shape[1]} ids long",
            why=f"this model has {config.max_position_embeddings} positions",
            fix="Truncate the text, or cut it into overlapping windows",
        )


def _check_position_ids(
    config: AlbertConfig, value: TensorLike, shape: torch.Size, device: torch.device
) -> Tensor:
    if value is None:
        return torch.arange(shape[1], device=device).expand(shape)
    positions = convert_to_tensor("position_ids", value, device)
    if positions.ndim == 2 and positions.shape[0] == 1:
        positions = positions.expand(shape[0], -1)
    check_whole("position_ids", positions)
    check_shape("position_ids", positions, shape)
    check_range("position-out-of-range", "position_ids", positions, config.max_position_embeddings)
    return positions.long()


def _check_mask(mask: Tensor, type_ids: Tensor | None, shape: torch.Size) -> Tensor | None:
    """The mask [B, 1, 1, S] as bool; None if every id is real.

    A recorded forward keeps a full mask: it will be called with other masks.
    """
    check_shape("attention_mask", mask, shape)
    is_real = mask.bool()
    if is_recorded():
        return is_real[:, None, None, :]
    if type_ids is not None and not bool(is_real[:, 0].any()) and bool((type_ids[:, 0] == 1).all()):
        raise InputError(
            "mask-and-types-swapped",
            "attention_mask begins with 0 in every row, token_type_ids with 1",
            why="a mask begins with 1 and type ids begin with 0: they are swapped",
            fix="Give them by name; by position the order is ids, mask, types",
        )
    invalid = mask[(mask != 0) & (mask != 1)]
    if invalid.numel():
        raise InputError(
            "mask-values",
            f"attention_mask holds {invalid[0].item()}",
            why="1 marks real ids, 0 padding; no other value has a meaning",
            fix="Give the tokenizer's attention_mask",
        )
    hidden = (~is_real.any(1)).nonzero()
    if len(hidden):
        raise InputError(
            "mask-hides-everything",
            f"attention_mask is 0 in all of row {hidden[0].item()}",
            why="a text without real ids has no vector",
            fix="Leave the row out, or give 1 for its real ids",
        )
    return None if bool(is_real.all()) else is_real[:, None, None, :]
