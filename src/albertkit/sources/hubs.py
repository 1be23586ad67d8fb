"""Which hub has what a name means, by the name's form."""

from __future__ import annotations

from pathlib import Path

from albertkit.errors import InputError
from albertkit.sources import huggingface, kaggle
from albertkit.sources.fetch_options import FetchOptions, Parts

# A name that ends so means a file, never a repository.
FILE_ENDINGS = (
    *(".json", ".model", ".txt", ".vocab", ".bin", ".pt", ".h5", ".pb", ".onnx", ".ckpt"),
    *(".safetensors", ".gz", ".tgz", ".tar", ".zip"),
)


def fetched(name: str, fetch_options: FetchOptions, parts: Parts) -> Path | None:
    """Where what `name` means lies, fetched if need be; None where it is no name of a hub's.

    Raises InputError [argument-given-twice], and as the hubs' own `fetched` do.
    """
    archived = kaggle.archived_model(name)
    if archived:
        return kaggle.fetched(
            name,
            archived,
            cache_dir=fetch_options.cache_dir,
            local_files_only=fetch_options.local_files_only,
        )
    model = huggingface.hub_name(name)
    if model is None or _is_meant_as_path(name):
        return None
    return huggingface.fetched(
        _at_revision(model, fetch_options.revision),
        token=fetch_options.token,
        cache_dir=fetch_options.cache_dir,
        local_files_only=fetch_options.local_files_only,
        parts=parts,
    )


def _is_meant_as_path(name: str) -> bool:
    """Whether somebody who writes `owner/model` so means a directory, which is not there."""
    if name.startswith(("http://", "https://", "hf://")) or name in huggingface.PUBLISHED:
        return False
    place = Path(name)
    own_folder = place.parent != Path() and place.parent.is_dir()
    return own_folder or name.lower().endswith(FILE_ENDINGS)


def _at_revision(model: huggingface.HubName, revision: str | None) -> huggingface.HubName:
    if revision is None or revision == model.revision:
        return model
    if model.revision is not None:
        raise InputError(
            "argument-given-twice",
            f"revision is {revision!r}, and the name says {model.revision!r}",
            why="a model has one revision",
            fix="Leave one of them out",
        )
    return huggingface.HubName(model.name, model.repo, revision)
