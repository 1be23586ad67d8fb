"""numpy for a little, OpenVINO for much: which engine answers, and when to hand over.

OpenVINO is imported and compiles before its first vector, then it is about twice as fast. So numpy
answers until its work in this process, and what is asked now, would take longer than OpenVINO with
its start. Both give the same numbers (to 1e-5): only the clock shows the handing over.
Measured by benchmarks/engine_start.py.
"""

from __future__ import annotations

import threading
from typing import Literal, get_args

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.protocol import Engine
from albertkit.spec import AlbertConfig, Weights
from albertkit.text.requests import one_of

EngineName = Literal["auto", "numpy", "openvino"]
ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)

# Multiplications and additions that numpy does in the time in which OpenVINO gets ready.
BREAK_EVEN = 15e9


class EngineChoice:
    """The engines of one model: made when they are needed, kept for the session."""

    def __init__(self, weights: Weights, wanted: EngineName = "auto") -> None:
        one_of(wanted, ENGINE_NAMES, "engine")
        self.weights = weights
        self.wanted = wanted
        self._work = 0.0  # asked of numpy so far
        self._made: dict[str, Engine] = {}
        self._one_at_a_time = threading.Lock()

    def engine_for(self, tokens: int) -> Engine:
        """The engine for a list of texts of `tokens` ids in all; counts them as work."""
        with self._one_at_a_time:
            return self._engine(self.wanted if self.wanted != "auto" else self._cheaper(tokens))

    def close(self) -> None:
        with self._one_at_a_time:
            for engine in self._made.values():
                engine.close()
            self._made.clear()

    def _cheaper(self, tokens: int) -> Literal["numpy", "openvino"]:
        self._work += tokens * work_per_token(self.weights.config)
        return "openvino" if "openvino" in self._made or self._work > BREAK_EVEN else "numpy"

    def _engine(self, name: Literal["numpy", "openvino"]) -> Engine:
        if name not in self._made:
            self._made[name] = self._opened(name)
        return self._made[name]

    def _opened(self, name: Literal["numpy", "openvino"]) -> Engine:
        if name == "numpy":
            return NumpyEngine(self.weights)
        # its import takes 0.3 s, which a process with little to do never spends
        from albertkit.engine.openvino_engine import OpenVinoEngine

        self._made.pop("numpy", None)  # OpenVINO answers all that comes
        return OpenVinoEngine(self.weights)


def work_per_token(c: AlbertConfig) -> float:
    """Multiplications and additions of a layer's products, times the repetitions."""
    H, F = c.hidden_size, c.intermediate_size
    return 2.0 * c.num_hidden_layers * c.inner_group_num * (4 * H * H + 2 * H * F)
