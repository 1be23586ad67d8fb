"""Pad rows that were tokenized one by one, as transformers' data collators ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer
from albertkit.tokenization.batch_encoding import BatchEncoding, TensorKind, convert_to_tensors
from albertkit.tokenization.vocabulary import Side

Features = Mapping[str, object] | Sequence[Mapping[str, object]]


def pad_features(
    features: Features,
    *,
    pad_id: int,
    side: Side,
    padding: object,
    max_length: int | None,
    pad_to_multiple_of: int | None,
    return_attention_mask: bool,
    return_tensors: TensorKind | None,
) -> BatchEncoding:
    """Pad the fields of a tokenizer to one length; other fields (labels) stay as they are.

    Raises:
        InputError: [option-invalid].
    """
    check_choice("padding", padding, (True, False, "longest", "max_length", "do_not_pad"))
    if isinstance(features, Mapping):
        columns = {name: _convert_to_list(value) for name, value in features.items()}
        if columns.get("input_ids") and not isinstance(
            _convert_to_list(columns["input_ids"][0]), list
        ):
            row = {name: [value] for name, value in columns.items()}
            padded = pad_features(
                row,
                pad_id=pad_id,
                side=side,
                padding=padding,
                max_length=max_length,
                pad_to_multiple_of=pad_to_multiple_of,
                return_attention_mask=return_attention_mask,
                return_tensors=None,
            )
            single = {name: _convert_to_list(value)[0] for name, value in padded.items()}
            return BatchEncoding(convert_to_tensors(single, return_tensors))
    else:
        names = list(features[0]) if features else []
        columns = {name: [row[name] for row in features] for name in names}
    if "input_ids" not in columns:
        raise InputError(
            "option-invalid",
            f"there are no input_ids among {', '.join(columns) or 'no fields'}",
            why="rows are padded to the length of their ids",
            fix="Give what the tokenizer returned",
        )
    rows = [_convert_to_list(row) for row in columns["input_ids"]]
    if return_attention_mask and "attention_mask" not in columns:
        columns["attention_mask"] = [[1] * len(row) for row in rows]
    width = max(map(len, rows), default=0)
    if padding == "max_length" and max_length is not None:
        width = max(width, check_integer("max_length", max_length))
    if pad_to_multiple_of is not None:
        multiple = check_integer("pad_to_multiple_of", pad_to_multiple_of)
        width = -(-width // multiple) * multiple
    fills = {
        "input_ids": pad_id,
        "token_type_ids": 0,
        "attention_mask": 0,
        "special_tokens_mask": 1,
    }
    fields: dict[str, object] = {}
    for name, values in columns.items():
        if name in fills and padding not in (False, "do_not_pad"):
            fields[name] = [
                _pad_row(_convert_to_list(row), width, fills[name], side) for row in values
            ]
        else:
            fields[name] = [_convert_to_list(value) for value in values]
    return BatchEncoding(convert_to_tensors(fields, return_tensors))


def _pad_row(row: list[object], width: int, fill: int, side: Side) -> list[object]:
    padding: list[object] = [fill] * (width - len(row))
    return padding + row if side == "left" else row + padding


def _convert_to_list(value: object) -> list[object]:
    """A list; arrays and tensors become lists, numbers stay numbers."""
    listed: list[object] = value.tolist() if hasattr(value, "tolist") else value  # type: ignore[assignment]  # numbers pass through
    return listed
