"""What the classes for frameworks are made from: an open embedder, or a model's name and options.

Frameworks write their pipelines to files, so an embedder is also described as plain data.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albertkit.errors import InputError
from albertkit.sources import BUILTIN_MODELS, VECTORS
from albertkit.sources.names import BUILTIN
from albertkit.tasks import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping


def open_embedder(
    model: TextEmbedder | str | Path | None, options: Mapping[str, Any]
) -> TextEmbedder:
    """Open a model, or take an embedder as it is.

    Args:
        model: An embedder, or what TextEmbedder takes.
        options: Keywords of TextEmbedder; none with an embedder.

    Raises:
        InputError: [option-invalid] for an embedder with options.
        AlbertKitError: As TextEmbedder.
    """
    if not isinstance(model, TextEmbedder):
        return TextEmbedder(model, **options)
    if options:
        raise InputError(
            "option-invalid",
            f"{', '.join(options)} and an open TextEmbedder are given",
            why="these are options of opening a model",
            fix="Give them to TextEmbedder",
        )
    return model


def describe_embedder(
    model: TextEmbedder | str | Path | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe what `open_embedder` would open, as plain data.

    Args:
        model: As in `open_embedder`.
        options: As in `open_embedder`.

    Returns:
        Keywords of TextEmbedder, "model" among them.
    """
    if not isinstance(model, TextEmbedder):
        return {"model": VECTORS if model is None else str(model), **options}
    pooling, load = model.pooling, model.model.options
    load_options = {field.name: getattr(load, field.name) for field in fields(load)}
    defaults = {field.name: field.default for field in fields(load)}
    return {
        "model": _name_of(model.model.path),
        "max_length": model.max_seq_length,
        "truncate_dim": pooling.truncate_dim,
        "truncation": model.truncation,
        "prompts": model.prompts,
        "default_prompt_name": pooling.default_prompt,
        "similarity_fn_name": pooling.similarity,
        **({"pooling": pooling.pooling} if isinstance(pooling.pooling, str) else {}),
        **{name: value for name, value in load_options.items() if value != defaults[name]},
    }


def _name_of(path: Path) -> str:
    """The name of a built-in model, which holds on other machines; else the whole path."""
    is_builtin = path.parent == BUILTIN and path.name in BUILTIN_MODELS
    return path.name if is_builtin else str(path.absolute())
