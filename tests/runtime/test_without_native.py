"""No compiled library and no OpenVINO: numpy runs everything, and a warning says so."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import CONFIG_AXES, random_encodings, random_weights
from tests.support.tiny_models import save_tiny, save_tiny_vectors

from albertkit import TextEmbedder
from albertkit.engine.cpu_engine import choose_cpu_engine
from albertkit.engine.native import library
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import compute_token_vectors
from albertkit.errors import ResourceError
from albertkit.runtime.choose_engine import choose_precision
from albertkit.spec import AlbertConfig
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization.encodings import select

pytestmark = pytest.mark.usefixtures("without_native")

TEXTS = ["a glass of water", "How old are you?", "the"]
# Each command, as a newcomer's machine without g++ runs it.
PROGRAM = """
import os, sys
os.environ["ALBERTKIT_ISA"] = "none"
for name in ("openvino", "torch", "transformers"):
    sys.modules[name] = None
from albertkit.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # neither found nor imported


@pytest.mark.usefixtures("without_openvino")
def test_numpy_answers_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.runtime.choose_engine.BREAK_EVEN", 0)
    path = save_tiny_vectors(tmp_path / "vectors", PoolingConfig())
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        actual = [TextEmbedder(path, precision=p).encode(TEXTS) for p in ("float32", "auto")]
    (message,) = caplog.messages
    assert "the native engine cannot be used, and numpy computes in its place" in message
    assert "pip install 'openvino>=2026.0'" in message
    assert message.endswith("[engine-replaced]")
    expected = TextEmbedder(path, engine="numpy").encode(TEXTS)
    for vectors in actual:
        np.testing.assert_array_equal(vectors, expected)


def test_openvino_answers_if_it_is_installed_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.engine.cpu_engine.has_openvino", lambda: True)
    assert [choose_cpu_engine(name) for name in ("float32", "bfloat16")] == ["openvino"] * 2
    (message,) = caplog.messages
    assert "OpenVINO computes in its place" in message
    assert "pip install" not in message


@pytest.mark.usefixtures("without_openvino")
def test_what_numpy_does_not_compute_is_refused() -> None:
    with pytest.raises(ResourceError, match=r"needs openvino.*\[extra-missing\]"):
        choose_cpu_engine("bfloat16")
    with pytest.raises(ResourceError, match=r"no instructions for int8.*\[engine-unavailable\]"):
        choose_cpu_engine("int8")
    assert choose_precision("auto").precision == "float32"


def test_an_absent_library_is_explained_by_compiler_or_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "none.so")
    library.load_library.cache_clear()
    try:
        for machine, says in (
            ("x86_64", r"without a C\+\+ compiler. Install g\+\+"),
            ("arm64", r"\(arm64\) is not an x86-64. It needs"),
        ):
            monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
            with pytest.raises(ResourceError, match=says):
                library.load_library()
    finally:
        library.load_library.cache_clear()


@pytest.mark.parametrize(
    ("command", "shows"),
    [
        (["embed", "a text"], "vector"),
        (["fill-mask", "a [MASK] of water"], "token"),
        (["similarity", "a house", "a home"], "similarity"),
        (["embed", "a text", "--deterministic"], "vector"),
        (["embed", "a text", "--precision", "auto"], "vector"),
    ],
    ids=lambda value: " ".join(value[:1] + value[2:]) if isinstance(value, list) else None,
)
def test_commands_run_without_compiler_openvino_and_torch(command: list[str], shows: str) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert shows in json.loads(done.stdout.splitlines()[0])
    warnings = [line for line in done.stderr.splitlines() if "[engine-replaced]" in line]
    assert len(warnings) == 1


def test_a_conversion_is_written_and_compared(tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "model", ["masked_lm"])
    done = run("convert", str(source), str(tmp_path / "out"), "--to", "tf1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").is_dir()


def test_an_onnx_file_is_not_written_unchecked(tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "model", ["masked_lm"])
    done = run("convert", str(source), str(tmp_path / "out"), "--to", "onnx")
    assert done.returncode == 3
    assert "the check of an ONNX file needs openvino" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_numpy_has_the_same_bits_in_every_batch_if_deterministic(config: AlbertConfig) -> None:
    texts = random_encodings(config, [40, 3, 17, 9])
    engine = NumpyEngine(random_weights(config), deterministic=True)
    together = compute_token_vectors(engine, texts)
    alone = [compute_token_vectors(engine, select(texts, [number])) for number in range(len(texts))]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    plain = compute_token_vectors(NumpyEngine(random_weights(config)), texts)
    np.testing.assert_allclose(together, plain, rtol=0, atol=1e-5)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True, check=False
    )
