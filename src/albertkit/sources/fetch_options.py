"""The options of a download from a hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Parts: TypeAlias = Literal["model", "tokenizer", "config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How a model is fetched from a hub; the names are Hugging Face's.

    A local path and a built-in model need none of them.

    Attributes:
        revision: A branch, a tag or a commit; None for the newest.
        token: For private models; None for the one saved on this machine or in HF_TOKEN, False for
            none.
        cache_dir: Where downloads are kept; None for the hub's usual directory.
        local_files_only: Use only what is already there. HF_HUB_OFFLINE=1 does this for all calls.
    """

    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False


DEFAULT_FETCH_OPTIONS = FetchOptions()
