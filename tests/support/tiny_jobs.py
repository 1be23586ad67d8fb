"""A tiny model, 23 texts, and windows of five of them: what the tests of jobs begin with."""

from __future__ import annotations

import pytest

from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import inputs
from tests.support.tiny_models import save_tiny_vectors

TEXTS = [
    f"the {number} of {number * 7} waters" + " and more" * (number % 5) for number in range(23)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    where = tmp_path_factory.mktemp("models") / "vectors"
    return str(save_tiny_vectors(where, PoolingConfig(max_length=20)))


@pytest.fixture(autouse=True)
def windows_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "WINDOW_TEXTS", 5)
