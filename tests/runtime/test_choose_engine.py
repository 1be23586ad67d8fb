"""The native engine answers; without it numpy a little, OpenVINO much; all vectors are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import random_encodings, random_weights
from tests.support.native import PRECISIONS, needs_native
from tests.support.tiny_models import TINY, save_tiny

from albertkit.engine.cpu_engine import choose_cpu_engine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.protocol import Precision
from albertkit.errors import InputError
from albertkit.runtime import EngineName, choose_engine
from albertkit.runtime.choose_engine import EngineChoice, count_work_per_token
from albertkit.tokenization import Encodings

WEIGHTS = random_weights(TINY)


@pytest.mark.parametrize(
    "name", [pytest.param("native", marks=needs_native), "numpy", "openvino", "torch"]
)
def test_an_engine_asked_for_by_name_is_the_one_that_answers(
    name: EngineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_engine, "BREAK_EVEN", 150 * count_work_per_token(TINY))
    assert EngineChoice(WEIGHTS, name).engine_for(texts(10)).name == name
    assert EngineChoice(WEIGHTS, name).engine_for(texts(1000)).name == name


@pytest.mark.usefixtures("without_native")
def test_one_session_hands_over_once_and_its_vectors_stay_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import openvino  # noqa: F401 - the plain half lacks it

    monkeypatch.setattr(choose_engine, "BREAK_EVEN", 150 * count_work_per_token(TINY))
    choice = EngineChoice(WEIGHTS)
    encodings = random_encodings(TINY, [5, 30, 12, 13])  # 60 ids
    names, vectors = [], []
    for _ in range(4):
        engine = choice.engine_for(encodings)
        names.append(engine.name)
        vectors.append(compute_text_vectors(engine, encodings, "mean"))
    assert names == ["numpy", "numpy", "openvino", "openvino"]
    assert choice.engine_for(texts(1)) is choice.engine_for(texts(1))
    for later in vectors[1:]:
        np.testing.assert_allclose(later, vectors[0], atol=1e-5)


@needs_native
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_native_engine_computes_from_the_first_text_on(precision: Precision) -> None:
    choice = EngineChoice(WEIGHTS, precision=precision)
    assert choice.engine_for(texts(3)).name == choose_cpu_engine(precision)
    assert choose_cpu_engine("float32") == "native"
    choice.close()


@pytest.mark.usefixtures("without_native")
def test_much_work_goes_to_openvino_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino  # noqa: F401 - the plain half lacks it

    monkeypatch.setattr(choose_engine, "BREAK_EVEN", 150 * count_work_per_token(TINY))
    assert EngineChoice(WEIGHTS).engine_for(texts(151)).name == "openvino"


def test_a_closed_choice_makes_its_engine_anew() -> None:
    choice = EngineChoice(WEIGHTS, "openvino")
    first = choice.engine_for(texts(1))
    choice.close()
    with pytest.raises(RuntimeError, match="closed"):
        compute_text_vectors(first, texts(5), "mean")
    again = compute_text_vectors(choice.engine_for(texts(1)), texts(5), "mean")
    assert again.shape == (1, TINY.hidden_size)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match=r"'openvino', 'torch'.*\[option-invalid\]"):
        EngineChoice(WEIGHTS, "jax")  # type: ignore[arg-type]  # that is the test


def test_a_text_in_a_fresh_process_imports_neither_openvino_nor_torch(tmp_path: Path) -> None:
    path = save_tiny(tmp_path / "model", ["masked_lm"])
    code = (
        "import sys, albertkit\n"
        "assert 'numpy' not in sys.modules, 'import albertkit imports numpy'\n"
        f"albertkit.TextEmbedder({str(path)!r}).encode('hello')\n"
        f"albertkit.FillMask({str(path)!r})('a [MASK] of water')\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'openvino', 'torch', 'transformers', 'tokenizers', 'numpy'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "openvino" not in done.stdout
    assert "torch" not in done.stdout
    assert "numpy" in done.stdout


def texts(ids: int) -> Encodings:
    """One text of so many ids."""
    return random_encodings(TINY, [ids])


# In a process of its own: a fork of one that has run other libraries' threads is never safe.
FORKED_WHILE_CHOOSING = """
import os
from albertkit.runtime.choose_engine import EngineChoice
from tests.support.axes import random_encodings, random_weights
from tests.support.tiny_models import TINY

choice = EngineChoice(random_weights(TINY), "numpy")
with choice._lock:  # as another thread would hold it at the fork
    child = os.fork()
    if child == 0:
        engine = choice.engine_for(random_encodings(TINY, [3]))
        os._exit(0 if engine.name == "numpy" else 1)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_forked_while_another_thread_chooses_gets_an_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED_WHILE_CHOOSING],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "0\n"
