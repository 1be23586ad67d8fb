"""Choose the hub for a name by the name's form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.errors import InputError
from albertkit.sources import huggingface, kaggle

if TYPE_CHECKING:
    from albertkit.sources.names import FetchOptions, Parts

# A name with one of these endings is a file, never a repository.
FILE_SUFFIXES = (
    *(".json", ".model", ".txt", ".vocab", ".bin", ".pt", ".h5", ".pb", ".onnx", ".ckpt"),
    *(".safetensors", ".gz", ".tgz", ".tar", ".zip"),
)


def fetch(name: str, fetch_options: FetchOptions, parts: Parts) -> Path | None:
    """Fetch a model from its hub, or find it in a cache.

    Args:
        name: As the user wrote it.
        fetch_options: How to fetch it.
        parts: All of the model, only the tokenizer, or only config.json.

    Returns:
        The model's directory; None if the name does not have the form of a hub's name.

    Raises:
        InputError: [argument-given-twice] for two revisions; others as `huggingface.fetch` and
            `kaggle.fetch`.
    """
    archived = kaggle.parse_name(name)
    if archived:
        return kaggle.fetch(
            name,
            archived,
            cache_dir=fetch_options.cache_dir,
            local_files_only=fetch_options.local_files_only,
        )
    model = huggingface.parse_name(name)
    if model is None or _is_path(name):
        return None
    return huggingface.fetch(
        _set_revision(model, fetch_options.revision),
        token=fetch_options.token,
        cache_dir=fetch_options.cache_dir,
        local_files_only=fetch_options.local_files_only,
        parts=parts,
    )


def _is_path(name: str) -> bool:
    """Check whether a name `owner/model` is rather the path of a directory that does not exist."""
    if name.startswith(("http://", "https://", "hf://")) or name in huggingface.PUBLISHED:
        return False
    path = Path(name)
    has_parent = path.parent != Path() and path.parent.is_dir()
    return has_parent or name.lower().endswith(FILE_SUFFIXES)


def _set_revision(model: huggingface.HubName, revision: str | None) -> huggingface.HubName:
    if revision is None or revision == model.revision:
        return model
    if model.revision is not None:
        raise InputError(
            "argument-given-twice",
            f"revision is {revision!r}, and the name has {model.revision!r}",
            why="a model has one revision",
            fix="Leave one of them out",
        )
    return huggingface.HubName(model.name, model.repo, revision)
