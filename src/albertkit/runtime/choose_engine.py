"""Choose engine, device and precision, and when which engine computes.

What does not fit is refused before anything is read. torch is imported only if it or a GPU is asked
for, OpenVINO for another precision than float32, or to compute much: numpy computes a little.

OpenVINO is imported and compiles before its first vector, then it is faster by far. So numpy
computes until its work in this process, the new texts included, would take longer than OpenVINO
with its start. Both give the same numbers (to 1e-5). Measured by benchmarks/engine_start.py. numpy
computes only float32. If OpenVINO cannot be imported and was not asked for by name, torch computes
in its place, else numpy, and a warning is logged.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from albertkit.engine.after_fork import reset_after_fork
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.precision import (
    PRECISION_NAMES,
    ChosenPrecision,
    PrecisionName,
    resolve_precision,
)
from albertkit.engine.protocol import Engine, Precision
from albertkit.errors import InputError, ResourceError, import_extra
from albertkit.errors.arguments import check_choice
from albertkit.runtime.options import ENGINE_NAMES, EngineName
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import Poolings
from albertkit.tokenization import Encodings

if TYPE_CHECKING:
    from albertkit.engine.int8.search import MeasuredScheme
    from albertkit.engine.processor import Processor

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
# The precisions of the engines that do not have all of them.
PRECISIONS: Mapping[EngineName, tuple[PrecisionName, ...]] = MappingProxyType(
    {
        "native": ("float32", "bfloat16"),
        "numpy": ("float32",),
        "torch": ("float32", "bfloat16"),
    }
)


def detect_local_processor() -> Processor:
    """What this machine's processor supports; imports OpenVINO."""
    from albertkit.engine.processor import detect_processor

    return detect_processor()


@dataclass(frozen=True, slots=True)
class Placement:
    """An engine and its device: "cpu", "cuda" or "cuda:N" (torch's)."""

    engine: EngineName
    device: str

    def processor(self) -> Processor:
        """What the device supports; imports the engine's library."""
        if self.engine != "torch":
            return detect_local_processor()
        from albertkit.model.devices import describe_torch_processor

        return describe_torch_processor(self.device)


def choose_placement(
    engine: EngineName = "auto", device: str | None = None, *, deterministic: bool = False
) -> Placement:
    """Choose the engine and its device.

    Args:
        engine: As in LoadOptions.
        device: As in LoadOptions.
        deterministic: OpenVINO computes from the first text on, the only engine that can.

    Returns:
        An engine and a device that are there.

    Raises:
        InputError: [option-invalid].
        ResourceError: [extra-missing], [device-unavailable].
    """
    check_choice("engine", engine, ENGINE_NAMES)
    if device is not None and not (isinstance(device, str) and DEVICE.fullmatch(device)):
        raise InputError(
            "option-invalid",
            f"device is {device!r}",
            why="known are 'auto', 'cpu', 'cuda', and 'cuda:0', 'cuda:1', … for one of several",
            fix="Take one of these",
        )
    if deterministic:
        return _place_deterministic(engine, device)
    on_gpu = device is not None and device.startswith("cuda")
    if on_gpu and engine not in {"auto", "torch"}:
        raise InputError(
            "option-invalid",
            f"device is {device!r} and engine is {engine!r}",
            why=f"{engine} computes on the CPU",
            fix="Leave the engine out, or take 'torch'",
        )
    if engine == "torch" or on_gpu:
        import_extra("torch", f"device={device!r}" if on_gpu else "engine='torch'")
        return Placement("torch", _resolve_device(device or "auto"))
    if engine == "auto" and device == "auto" and find_spec("torch") is not None:
        resolved = _resolve_device("auto")
        return Placement("auto" if resolved == "cpu" else "torch", resolved)
    return Placement(engine, "cpu")


def choose_precision(
    precision: PrecisionName,
    engine: EngineName = "auto",
    processor: Callable[[], Processor] = detect_local_processor,
) -> ChosenPrecision:
    """Choose the precision that an engine computes in.

    Args:
        precision: As in LoadOptions. "auto" is float32 if OpenVINO cannot be imported.
        engine: As in LoadOptions.
        processor: What the device supports; called only if it matters.

    Returns:
        The precision, and the reason for it.

    Raises:
        InputError: [precision-unsupported], [option-invalid].
    """
    if engine == "numpy" and precision == "auto":
        return ChosenPrecision("float32", "numpy computes in nothing else")
    supported = PRECISIONS.get(engine, PRECISION_NAMES)
    if precision != "auto" and precision in PRECISION_NAMES and precision not in supported:
        raise InputError(
            "option-invalid",
            f"precision is {precision!r}, and {engine} is to compute",
            why=f"{engine} computes in {' and '.join(supported)} only",
            fix=f"Leave engine and device out, or ask for {supported[-1]}",
        )
    try:
        return resolve_precision(precision, processor)
    except ResourceError as error:
        if precision != "auto" or engine != "auto":
            raise
        return ChosenPrecision("float32", error.diagnostic.what)


def _place_deterministic(engine: EngineName, device: str | None) -> Placement:
    """OpenVINO on the CPU, or an error that names the argument that is in the way."""
    engine_fits = engine in {"auto", "openvino"}
    if not engine_fits or device not in {None, "auto", "cpu"}:
        name, value = ("device", device) if engine_fits else ("engine", engine)
        raise InputError(
            "option-invalid",
            f"deterministic is asked for, and {name} is {value!r}",
            why="only OpenVINO, on the CPU, computes each text as if it were alone",
            fix=f"Leave the {name} out, or deterministic",
        )
    return Placement("openvino", "cpu")


def _resolve_device(device: str) -> str:
    from albertkit.model.devices import resolve_device

    return resolve_device(device)


ConcreteEngine = Literal["native", "numpy", "openvino", "torch"]

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
        pooling: Poolings = "mean",
        calibration: Callable[[], Encodings] | None = None,
    ) -> Engine:
        """The engine for these texts, which are counted as work.

        Args:
            encodings: The texts.
            pooling: Poolings of the vectors whose int8 error is measured.
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
            case "native":
                from albertkit.engine.native.engine import NativeEngine

                return NativeEngine(self.weights, precision=self.precision)
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


def _find_scheme(weights: Weights, encodings: Encodings, pooling: Poolings) -> MeasuredScheme:
    from albertkit.engine.int8.search import find_scheme  # imports OpenVINO

    return find_scheme(weights, encodings, pooling)


def work_per_token(c: AlbertConfig) -> float:
    """Multiplications and additions of a layer's products, times the repetitions."""
    H, F = c.hidden_size, c.intermediate_size
    return 2.0 * c.num_hidden_layers * c.inner_group_num * (4 * H * H + 2 * H * F)
