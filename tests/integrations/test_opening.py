"""What a framework writes to its files opens an embedder with the same vectors."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import save_tiny_vectors

from albertkit.errors import InputError
from albertkit.integrations.opening import describe_embedder, open_embedder
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import TextEmbedder

TEXTS = ["I like my phone", "Global warming is real, and how old are you in longer words?"]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"pooling": "max", "max_length": 7, "truncation": "off"},
    {"truncate_dim": 5, "prompts": {"a": "an a: "}, "default_prompt_name": "a"},
    {"engine": "numpy", "similarity_fn_name": "dot"},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pooling = PoolingConfig(prompts=MappingProxyType({"query": "q: "}))
    return save_tiny_vectors(tmp_path_factory.mktemp("models") / "v", pooling)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_description_opens_the_same_embedder(place: Path, options: dict[str, Any]) -> None:
    embedder = open_embedder(place, options)
    for model, given in ((place, options), (embedder, {})):
        description = json.loads(json.dumps(describe_embedder(model, given)))
        other = TextEmbedder(**description)
        np.testing.assert_array_equal(other.encode(TEXTS), embedder.encode(TEXTS))
        assert other.prompts == embedder.prompts
        assert other.similarity_fn_name == embedder.similarity_fn_name
        assert other.model.options == embedder.model.options


def test_a_built_in_model_keeps_its_name() -> None:
    assert describe_embedder(None, {}) == {"model": "small-en-vectors"}
    assert describe_embedder(TextEmbedder(), {})["model"] == "small-en-vectors"


def test_an_embedder_stays_the_same_object(place: Path) -> None:
    embedder = TextEmbedder(place)
    assert open_embedder(embedder, {}) is embedder
    with pytest.raises(
        InputError, match=r"engine and an open TextEmbedder are.*\[option-invalid\]"
    ):
        open_embedder(embedder, {"engine": "numpy"})
