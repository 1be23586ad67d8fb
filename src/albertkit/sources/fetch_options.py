"""How a hub is asked, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Parts: TypeAlias = Literal["model", "tokenizer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How a hub is asked, under Hugging Face's names; a path and a built-in model ask nobody.

    revision: a branch, a tag or a commit. token: for private models; None: the one saved on this
    machine or in HF_TOKEN, False: none. cache_dir: where files are kept; None: the hub's own place.
    local_files_only: ask nobody, as HF_HUB_OFFLINE=1 says for all calls.
    """

    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False


DEFAULT_FETCH_OPTIONS = FetchOptions()
