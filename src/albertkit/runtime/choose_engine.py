"""Choose engine, device and precision, and when which engine computes.

What does not fit is refused before anything is read. torch is imported only if it or a GPU is asked
for. Which engine computes on the CPU: engine/cpu_engine.py; the native one from the first text on.

In place of the native engine numpy computes a little, and OpenVINO, if it is installed, much.
OpenVINO is imported and compiles before its first vector, then it is faster by far. So numpy
computes until its work in this process, the new texts included, would take longer than OpenVINO
with its start. Measured by benchmarks/engine_start.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from albertkit.engine.cpu_engine import (
    CpuEngineName,
    choose_cpu_engine,
    create_cpu_engine,
    has_openvino,
)
from albertkit.engine.native.library import find_obstacle
from albertkit.engine.precision import (
    PRECISION_NAMES,
    ChosenPrecision,
    PrecisionName,
    resolve_precision,
)
from albertkit.engine.process import reset_after_fork
from albertkit.engine.protocol import Engine, Precision
from albertkit.errors import InputError, ResourceError, extra_missing_error, import_extra
from albertkit.errors.arguments import check_choice
from albertkit.runtime.options import DEVICE_NAMES, ENGINE_NAMES, EngineName, is_device_name
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import Poolings
from albertkit.tokenization import Encodings

if TYPE_CHECKING:
    from albertkit.engine.processor import Processor
    from albertkit.graph.quantization_error import QuantizationError

ConcreteEngine: TypeAlias = CpuEngineName | Literal["torch"]
# The precisions of the engines that do not have all of them.
PRECISIONS: Mapping[EngineName, tuple[PrecisionName, ...]] = MappingProxyType(
    {
        "numpy": ("float32",),
        "openvino": ("float32", "bfloat16"),
        "torch": ("float32", "bfloat16"),
    }
)


def detect_local_processor() -> Processor:
    """What this machine's processor supports."""
    from albertkit.engine.processor import detect_processor  # not imported for float32

    return detect_processor()


@dataclass(frozen=True, slots=True)
class Placement:
    """An engine and its device: "cpu", "cuda" or "cuda:N" (torch's)."""

    engine: EngineName
    device: str

    def processor(self) -> Processor:
        """What the device supports; imports torch for the engine "torch"."""
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
        deterministic: One engine computes from the first text on.

    Returns:
        An engine and a device that are there.

    Raises:
        InputError: [option-invalid].
        ResourceError: [extra-missing], [engine-unavailable], [device-unavailable].
    """
    check_choice("engine", engine, ENGINE_NAMES)
    if device is not None and not is_device_name(device):
        raise InputError(
            "option-invalid",
            f"device is {device!r}",
            why=f"it must be {DEVICE_NAMES}",
            fix="Take one of these",
        )
    _check_installed(engine)
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
        precision: As in LoadOptions. "auto" is float32 if no engine here computes bfloat16.
        engine: As in LoadOptions.
        processor: What the device supports; called only if it matters.

    Returns:
        The precision, and the reason for it.

    Raises:
        InputError: [precision-unsupported], [option-invalid].
        ResourceError: [engine-unavailable], [extra-missing] if no engine computes it here.
    """
    if engine == "numpy" and precision == "auto":
        return ChosenPrecision("float32", "numpy computes in nothing else")
    supported = PRECISIONS.get(engine, PRECISION_NAMES)
    if precision != "auto" and precision in PRECISION_NAMES and precision not in supported:
        raise InputError(
            "option-invalid",
            f"precision is {precision!r} and the engine is {engine}",
            why=f"{engine} computes in {' and '.join(supported)} only",
            fix=f"Leave engine and device out, or ask for {supported[-1]}",
        )
    try:
        chosen = resolve_precision(precision, processor)
        if engine == "auto" and chosen.precision != "float32":
            choose_cpu_engine(chosen.precision)
        return chosen
    except ResourceError as error:
        if precision != "auto" or engine != "auto":
            raise
        return ChosenPrecision("float32", error.diagnostic.what)


def _check_installed(engine: EngineName) -> None:
    """Refuse an engine that is asked for by name and is not there."""
    if engine == "openvino" and not has_openvino():
        raise extra_missing_error("openvino", "engine='openvino'")
    if engine == "native" and (obstacle := find_obstacle("float32")):
        raise obstacle


def _place_deterministic(engine: EngineName, device: str | None) -> Placement:
    """An engine on the CPU that can, or an error that names the argument that is in the way."""
    engine_fits = engine != "torch"
    if not engine_fits or device not in {None, "auto", "cpu"}:
        name, value = ("device", device) if engine_fits else ("engine", engine)
        raise InputError(
            "option-invalid",
            f"deterministic is asked for, and {name} is {value!r}",
            why="torch and GPUs do not compute each text as if it were alone",
            fix=f"Leave the {name} out, or deterministic",
        )
    return Placement(choose_cpu_engine("float32") if engine == "auto" else engine, "cpu")


def _resolve_device(device: str) -> str:
    from albertkit.model.devices import resolve_device

    return resolve_device(device)


# Multiplications and additions that numpy does while OpenVINO starts.
BREAK_EVEN = 15e9


class EngineChoice:
    """The engines of one model, made when they are needed and kept.

    Args:
        weights: The model.
        wanted: The engine that was asked for.
        precision: What the engine computes in.
        device: The device of the engine torch.
        deterministic: As in `create_cpu_engine`; `wanted` must then be one of its engines.

    Attributes:
        int8_error: The error of int8, after the first texts.
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
        self.int8_error: QuantizationError | None = None
        self._deterministic = deterministic
        self._work = 0.0  # of numpy so far
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()
        reset_after_fork(self)

    def engine_for(self, encodings: Encodings, pooling: Poolings = "mean") -> Engine:
        """The engine for these texts, which are counted as work.

        Args:
            encodings: The texts; int8's error is measured on the first ones.
            pooling: Poolings of the vectors whose int8 error is measured.

        Returns:
            The engine; it may be another one than for the texts before.

        Raises:
            InputError: [quantization-error-too-large] for int8.
            ResourceError: [engine-unavailable].
        """
        with self._lock:
            if self.precision == "int8" and self.int8_error is None:
                from albertkit.engine.native.int8_error import measure_int8

                self.int8_error = measure_int8(self.weights, encodings, pooling)
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
        if self._for_many_texts == "openvino" and self.precision == "float32":
            return self._cheaper(tokens)
        return self._for_many_texts

    @cached_property
    def _for_many_texts(self) -> ConcreteEngine:
        return choose_cpu_engine(self.precision)

    def _cheaper(self, tokens: int) -> CpuEngineName:
        self._work += tokens * count_work_per_token(self.weights.config)
        has_started = "openvino" in self._engines
        return "openvino" if has_started or self._work > BREAK_EVEN else "numpy"

    def _engine(self, name: ConcreteEngine) -> Engine:
        if name not in self._engines:
            self._engines[name] = self._start(name)
        return self._engines[name]

    def _start(self, name: ConcreteEngine) -> Engine:
        if name == "torch":
            from albertkit.model.torch_engine import TorchEngine

            return TorchEngine(self.weights, precision=self.precision, device=self.device)
        if name == "openvino":
            self._engines.pop("numpy", None)  # OpenVINO computes everything from now on
        return create_cpu_engine(
            name, self.weights, precision=self.precision, deterministic=self._deterministic
        )


def count_work_per_token(c: AlbertConfig) -> float:
    """Multiplications and additions of a layer's products, times the repetitions."""
    H, F = c.hidden_size, c.intermediate_size
    return 2.0 * c.num_hidden_layers * c.inner_group_num * (4 * H * H + 2 * H * F)
