"""numpy for a little, OpenVINO for much, torch on a GPU: which engine answers, and when.

OpenVINO is imported and compiles before its first vector, then it is faster by far. So numpy
answers until its work in this process, and what is asked now, would take longer than OpenVINO with
its start. Both give the same numbers (to 1e-5): only the clock shows the handing over.
Measured by benchmarks/engine_start.py. What is not float32 numpy does not compute. Where OpenVINO
cannot be imported, and was not asked for by name, torch stands in for it, else numpy, and a person
hears of that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.protocol import Engine, Precision
from albertkit.engine.replaced import warn_replaced
from albertkit.errors import ResourceError
from albertkit.errors.arguments import check_choice
from albertkit.runtime.options import ENGINE_NAMES, EngineName
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization import Encodings

if TYPE_CHECKING:
    from albertkit.engine.int8.search import MeasuredScheme

OneEngine = Literal["numpy", "openvino", "torch"]

# Multiplications and additions that numpy does in the time in which OpenVINO gets ready.
BREAK_EVEN = 15e9


class EngineChoice:
    """The engines of one model: made when they are needed, kept for the session.

    device: of the engine torch. deterministic: as of OpenVinoEngine, which must be the one wanted.
    found: int8's fit and what it costs, from the first answer on.
    """

    def __init__(
        self,
        weights: Weights,
        wanted: EngineName = "auto",
        *,
        precision: Precision = "float32",
        device: str = "cpu",
        deterministic: bool = False,
    ) -> None:
        check_choice("engine", wanted, ENGINE_NAMES)
        self.weights = weights
        self.wanted = wanted
        self.precision = precision
        self.device = device
        self.found: MeasuredScheme | None = None
        self._deterministic = deterministic
        self._work = 0.0  # asked of numpy so far
        self._made: dict[str, Engine] = {}
        self._one_at_a_time = threading.Lock()

    def engine_for(
        self,
        encodings: Encodings,
        pooling: Pooling = "mean",
        calibration: Callable[[], Encodings] | None = None,
    ) -> Engine:
        """The engine for these texts, which are counted as work.

        calibration: gives the texts that int8 is fitted to, once; None: these are. pooling: of the
        vectors that it is held against float32 by.
        Raises InputError [calibration-missing], [quantization-error-too-large] for int8.
        """
        with self._one_at_a_time:
            if self.precision == "int8" and self.found is None:
                to_fit = encodings if calibration is None else calibration()
                self.found = _fitted(self.weights, to_fit, pooling)
            return self._engine(self._name(len(encodings.ids)))

    def for_weights(self, weights: Weights) -> EngineChoice:
        """The same choice for other weights; no engine is shared."""
        return EngineChoice(
            weights,
            self.wanted,
            precision=self.precision,
            device=self.device,
            deterministic=self._deterministic,
        )

    def close(self) -> None:
        with self._one_at_a_time:
            for engine in self._made.values():
                engine.close()
            self._made.clear()

    def _name(self, tokens: int) -> OneEngine:
        if self.wanted != "auto":
            return self.wanted
        return self._cheaper(tokens) if self.precision == "float32" else "openvino"

    def _cheaper(self, tokens: int) -> OneEngine:
        self._work += tokens * work_per_token(self.weights.config)
        return "openvino" if "openvino" in self._made or self._work > BREAK_EVEN else "numpy"

    def _engine(self, name: OneEngine) -> Engine:
        if name not in self._made:
            self._made[name] = self._opened(name)
        return self._made[name]

    def _opened(self, name: OneEngine) -> Engine:
        match name:
            case "numpy":
                return NumpyEngine(self.weights)
            case "torch":
                from albertkit.model.torch_engine import TorchEngine

                return TorchEngine(self.weights, precision=self.precision, device=self.device)
            case "openvino":
                self._made.pop("numpy", None)  # OpenVINO answers all that comes
                return self._openvino()

    def _openvino(self) -> Engine:
        # imported here, as a process with little to do never spends OpenVINO's time for it
        from albertkit.engine.openvino.engine import OpenVinoEngine

        scheme = self.found.scheme if self.found else None
        try:
            return OpenVinoEngine(
                self.weights,
                precision=self.precision,
                scheme=scheme,
                deterministic=self._deterministic,
            )
        except ResourceError as error:
            if self.wanted == "openvino" or self.precision != "float32":
                raise
            return self._in_its_place(error)

    def _in_its_place(self, error: ResourceError) -> Engine:
        """error: that OpenVINO cannot be imported."""
        try:
            from albertkit.model.torch_engine import TorchEngine
        except ImportError:
            warn_replaced(error, by="numpy")
            return NumpyEngine(self.weights)
        warn_replaced(error, by="torch")
        return TorchEngine(self.weights)


def _fitted(weights: Weights, encodings: Encodings, pooling: Pooling) -> MeasuredScheme:
    from albertkit.engine.int8.search import find_scheme  # which imports OpenVINO

    return find_scheme(weights, encodings, pooling)


def work_per_token(c: AlbertConfig) -> float:
    """Multiplications and additions of a layer's products, times the repetitions."""
    H, F = c.hidden_size, c.intermediate_size
    return 2.0 * c.num_hidden_layers * c.inner_group_num * (4 * H * H + 2 * H * F)
