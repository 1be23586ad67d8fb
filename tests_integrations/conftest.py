"""What the tests with other frameworks share: a tiny model with prompts, and silence at home."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

import pytest

# No framework may ask a hub, or send statistics.
os.environ.update(
    HF_HUB_OFFLINE="1",
    ANONYMIZED_TELEMETRY="False",
    HAYSTACK_TELEMETRY_ENABLED="False",
    TOKENIZERS_PARALLELISM="false",
)

from tests.support.shared_files import pytest_sessionfinish
from tests.support.tiny_models import save_tiny_vectors

from albertkit import TextEmbedder
from albertkit.spec.pooling_config import Normalize, PoolingConfig

__all__ = ["pytest_sessionfinish"]

PROMPTS = MappingProxyType({"query": "query: ", "document": "the text: "})


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose queries and documents have prompts, so that a confusion is seen."""
    pooling = PoolingConfig(steps=(Normalize(),), prompts=PROMPTS)
    return save_tiny_vectors(tmp_path_factory.mktemp("models") / "tiny", pooling)


@pytest.fixture(scope="session")
def embedder(model: Path) -> TextEmbedder:
    return TextEmbedder(model)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Frameworks cache at home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path
