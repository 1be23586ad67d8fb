"""A name means a path of one's own first, then a model inside the package, and never a download."""

from __future__ import annotations

from pathlib import Path

import pytest

from albertkit.model import AlbertForMaskedLM
from albertkit.sources import BUILTIN_MODELS, directory_of, place_of
from albertkit.sources.names import BUILTIN
from albertkit.text import AlbertTokenizer


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_the_names_of_built_in_models_mean_folders_of_the_package(name: str) -> None:
    assert directory_of(name) == BUILTIN / name


def test_a_directory_goes_before_a_built_in_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small-en").mkdir()
    monkeypatch.chdir(tmp_path)
    assert directory_of("small-en") == Path("small-en")


def test_a_path_that_is_not_there_stays_as_it_is() -> None:
    assert place_of("models/mine") == Path("models/mine")


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_tokenizers_and_models_open_by_a_built_in_name(name: str) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(name)
    model = AlbertForMaskedLM.from_pretrained(name)
    assert model.config.vocab_size == tokenizer.vocab_size
