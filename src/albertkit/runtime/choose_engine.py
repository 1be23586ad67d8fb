"""Choose when which engine computes: numpy for a little, OpenVINO for much, torch on a GPU.

OpenVINO is imported and compiles before its first vector, then it is faster by far. So numpy
computes until its work in this process, the new texts included, would take longer than OpenVINO
with its start. Both give the same numbers (to 1e-5). Measured by benchmarks/engine_start.py. numpy
computes only float32. If OpenVINO cannot be imported and was not asked for by name, torch computes
in its place, else numpy, and a warning is logged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from albertkit.engine.after_fork import reset_after_fork
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.protocol import Engine, Precision
from albertkit.errors import ResourceError
from albertkit.errors.arguments import check_choice
from albertkit.runtime.options import ENGINE_NAMES, EngineName
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization import Encodings

if TYPE_CHECKING:
    from albertkit.engine.int8.search import MeasuredScheme

ConcreteEngine = Literal["numpy", "openvino", "torch"]

# Multiplications and additions that numpy does while OpenVINO starts.
BREAK_EVEN = 15e9


class EngineChoice:
    """The engines of one model, made when they are needed and kept.

    Args:
        weights: The model.
        wanted: The engine that was asked for.
        precision: What the engine computes in.
        device: The device of the engine torch.
        deterministic: As in OpenVinoEngine, which must be the engine that is wanted.

    Attributes:
        measured_scheme: The int8 scheme and its error, after the first texts.
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
        self.measured_scheme: MeasuredScheme | None = None
        self._deterministic = deterministic
        self._work = 0.0  # of numpy so far
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()
        reset_after_fork(self)

    def engine_for(
        self,
        encodings: Encodings,
        pooling: Pooling = "mean",
        calibration: Callable[[], Encodings] | None = None,
    ) -> Engine:
        """The engine for these texts, which are counted as work.

        Args:
            encodings: The texts.
            pooling: Pooling of the vectors whose int8 error is measured.
            calibration: Gives the texts that int8 is calibrated with, called once. None: these.

        Returns:
            The engine; it may be another one than for the texts before.

        Raises:
            InputError: [calibration-missing], [quantization-error-too-large] for int8.
        """
        with self._lock:
            if self.precision == "int8" and self.measured_scheme is None:
                sample = encodings if calibration is None else calibration()
                self.measured_scheme = _find_scheme(self.weights, sample, pooling)
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

    def reset_after_fork(self) -> None:
        """Replace the lock, which another thread of the parent may have held."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Free the engines' memory."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()

    def _name(self, tokens: int) -> ConcreteEngine:
        if self.wanted != "auto":
            return self.wanted
        return self._cheaper(tokens) if self.precision == "float32" else "openvino"

    def _cheaper(self, tokens: int) -> ConcreteEngine:
        self._work += tokens * work_per_token(self.weights.config)
        has_started = "openvino" in self._engines
        return "openvino" if has_started or self._work > BREAK_EVEN else "numpy"

    def _engine(self, name: ConcreteEngine) -> Engine:
        if name not in self._engines:
            self._engines[name] = self._start(name)
        return self._engines[name]

    def _start(self, name: ConcreteEngine) -> Engine:
        match name:
            case "numpy":
                return NumpyEngine(self.weights)
            case "torch":
                from albertkit.model.torch_engine import TorchEngine

                return TorchEngine(self.weights, precision=self.precision, device=self.device)
            case "openvino":
                self._engines.pop("numpy", None)  # OpenVINO computes everything from now on
                return self._start_openvino()

    def _start_openvino(self) -> Engine:
        # imported here: a process with little to do never pays for the import of OpenVINO
        from albertkit.engine.openvino.engine import OpenVinoEngine

        scheme = self.measured_scheme.scheme if self.measured_scheme else None
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
            return self._replace_openvino(error)

    def _replace_openvino(self, error: ResourceError) -> Engine:
        """The engine in place of OpenVINO; error: why that cannot be imported."""
        from albertkit.engine.replaced import warn_replaced

        try:
            from albertkit.model.torch_engine import TorchEngine
        except ImportError:
            warn_replaced(error, by="numpy")
            return NumpyEngine(self.weights)
        warn_replaced(error, by="torch")
        return TorchEngine(self.weights)


def _find_scheme(weights: Weights, encodings: Encodings, pooling: Pooling) -> MeasuredScheme:
    from albertkit.engine.int8.search import find_scheme  # imports OpenVINO

    return find_scheme(weights, encodings, pooling)


def work_per_token(c: AlbertConfig) -> float:
    """Multiplications and additions of a layer's products, times the repetitions."""
    H, F = c.hidden_size, c.intermediate_size
    return 2.0 * c.num_hidden_layers * c.inner_group_num * (4 * H * H + 2 * H * F)
