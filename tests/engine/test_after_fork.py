"""A child that is forked after its parent has computed answers as the parent does."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.support.native import needs_native

# The scripts run in processes of their own: pytest's process has threads of other tests.
CHILD = """
import os, signal, sys
import numpy as np

def answers_in_a_child(compute):
    expected = compute()  # starts the parent's threads
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that waits for ever is killed
        answer = compute()
        is_equal = np.allclose(answer, expected, rtol=0, atol=1e-5)
        os.write(write_end, b"equal" if is_equal else b"other")
        sys.exit(0)  # not os._exit: destructors run, too
    os.close(write_end)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    np.testing.assert_allclose(compute(), expected, rtol=0, atol=1e-5)  # the parent still can
    return os.read(read_end, 9).decode(), status
"""
ENGINE = """
from tests.support.axes import CONFIG, random_encodings, random_weights
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine

config = CONFIG
weights = random_weights(config)
texts = random_encodings(config, [40, 33, 30, 25] * 16)
"""
MODEL = """
import torch
from tests.support.axes import CONFIG
from albertkit import AlbertForSequenceClassification, compile_for_inference

torch.manual_seed(0)
model = AlbertForSequenceClassification(CONFIG).eval()
ids = torch.randint(5, 90, (64, 40))
"""
ENGINES = {
    "numpy": "NumpyEngine(weights)",
    "native": "NativeEngine(weights, threads=2)",
    "openvino": "OpenVinoEngine(weights, threads=2)",
    "openvino in bfloat16": "OpenVinoEngine(weights, threads=2, precision='bfloat16')",
    "openvino, deterministic": "OpenVinoEngine(weights, threads=2, deterministic=True)",
}


def answer_in_a_child(setup: str, compute: str) -> str:
    program = f"{CHILD}{setup}\nprint(*answers_in_a_child(lambda: {compute}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "engine",
    [pytest.param(engine, marks=needs_native if engine == "native" else []) for engine in ENGINES],
)
def test_a_forked_child_answers(engine: str) -> None:
    if "OpenVino" in ENGINES[engine]:
        import openvino  # noqa: F401 - the plain half lacks it

    setup = f"{ENGINE}\nengine = {ENGINES[engine]}"
    assert answer_in_a_child(setup, "compute_text_vectors(engine, texts, 'mean')") == "equal 0"


def test_openvinos_threads_fall_asleep_before_a_fork() -> None:
    """A child of a process whose threads are awake would wait for them, one time in eighty."""
    import openvino  # noqa: F401 - the plain half lacks it

    program = """
import os, time
from albertkit.engine import openvino_library
slept = []
time.sleep = slept.append
openvino_library.get_core()
if os.fork() == 0:
    os._exit(0)
os.wait()
assert slept == [openvino_library.SECONDS_BEFORE_FORK], slept
"""
    subprocess.run([sys.executable, "-c", program], timeout=100, check=True)


def test_a_forked_child_answers_by_torch() -> None:
    import torch  # noqa: F401

    setup = f"""{ENGINE}
import torch
from albertkit.model.torch_engine import TorchEngine
torch.set_num_threads(2)
a = torch.ones(512, 512); (a @ a).exp()  # starts OpenMP's threads, which tiny models do not
engine = TorchEngine(weights)"""
    assert answer_in_a_child(setup, "compute_text_vectors(engine, texts, 'mean')") == "equal 0"


def test_a_forked_child_computes_with_a_torch_model() -> None:
    import torch  # noqa: F401

    setup = f"""{MODEL}
torch.set_num_threads(2)
a = torch.ones(512, 512); (a @ a).exp()  # starts OpenMP's threads, which tiny models do not"""
    assert answer_in_a_child(setup, "model(ids).logits.detach().numpy()") == "equal 0"


def test_a_forked_child_answers_by_a_compiled_model() -> None:
    import torch  # noqa: F401

    setup = f"{MODEL}\ncompiled = compile_for_inference(model, threads=2)"
    assert answer_in_a_child(setup, "compiled(ids).logits.numpy()") == "equal 0"


@pytest.mark.parametrize("engine", ["auto", "openvino"])
def test_a_pool_of_processes_computes_with_the_parents_embedder(engine: str) -> None:
    if engine == "openvino":
        import openvino  # noqa: F401 - the plain half lacks it

    program = f"""
import multiprocessing
import numpy as np
from albertkit import TextEmbedder

embedder = TextEmbedder(engine={engine!r})
texts = ["a text of the parent"] * 16
expected = embedder.encode(texts)

def encode(_):
    return embedder.encode(texts)

with multiprocessing.get_context("fork").Pool(2) as pool:
    for vectors in pool.map_async(encode, range(4)).get(timeout=100):
        np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
