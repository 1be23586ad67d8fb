"""The server of examples/, asked by several threads at once."""

from __future__ import annotations

import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests_integrations.texts import TEXTS

from albertkit import TextEmbedder

EXAMPLE = Path(__file__).parents[1] / "examples" / "embedding_server.py"


@pytest.fixture
def client(model: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("MODEL", str(model))
    return TestClient(runpy.run_path(str(EXAMPLE))["app"])


def test_requests_at_the_same_time_get_their_own_vectors(
    client: TestClient, embedder: TextEmbedder
) -> None:
    def ask(number: int) -> list[list[float]]:
        texts = TEXTS[number % 5 :]
        answer = client.post("/embed", json={"texts": texts, "prompt_name": "query"})
        assert answer.status_code == 200
        return answer.json()["vectors"]

    with ThreadPoolExecutor(8) as threads:
        for number, vectors in enumerate(threads.map(ask, range(40))):
            expected = embedder.encode(TEXTS[number % 5 :], prompt_name="query")
            np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_callers_mistake_is_named(client: TestClient) -> None:
    answer = client.post("/embed", json={"texts": ["a"], "prompt_name": "qeury"})
    assert (answer.status_code, answer.json()["code"]) == (400, "prompt-unknown")
    assert client.post("/embed", json={"texts": []}).status_code == 422
    assert "32 dimensions" in client.get("/health").json()["model"]
