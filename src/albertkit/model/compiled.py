"""Run a torch model's forward on the fast engine: the same call, the same outputs.

Input: a model in eval mode. Output: a callable that takes padded batches as the model does,
computes only their real tokens, and returns the model's outputs, with zeros at padding.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from albertkit.engine.int8.search import find_scheme
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.precision import PrecisionName, check_calibration, resolve_precision
from albertkit.engine.processor import detect_processor
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, Precision
from albertkit.engine.replaced import warn_replaced
from albertkit.errors import InputError, ResourceError
from albertkit.errors.arguments import check_integer, check_keywords, describe_value
from albertkit.model.call_adapter import parse_call
from albertkit.model.compiled_forwards import FORWARDS, INPUTS, read_texts
from albertkit.model.devices import describe_torch_processor
from albertkit.model.torch_engine import TorchEngine
from albertkit.model.torch_weights import TorchWeights, read_torch_weights
from albertkit.model.unpadded import UnpaddedBatch, run_unpadded
from albertkit.spec import AlbertConfig
from albertkit.tokenization.encodings import Encodings, concat

CalibrationTexts = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

SUPPORTED = {*INPUTS, "masked_lm_positions", "p_mask", "start_n_top", "end_n_top"} - {
    "inputs_embeds"
}
# Why other arguments are refused; those that are not here are labels.
UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "inputs_embeds": "the engine embeds ids itself",
        "output_attentions": "the engine returns only the last token vectors",
        "output_hidden_states": "the engine returns only the last token vectors",
    }
)


class CompiledAlbert:
    """A model compiled by `compile_for_inference`; it is called as the model is.

    config: the model's config, as albertkit reads it. device: where inputs are read and outputs
    are; always the CPU. It can be pickled and copied.
    """

    device = torch.device("cpu")

    def __init__(self, source: TorchWeights, engine: Engine) -> None:
        """Use `compile_for_inference`."""
        self.config = source.weights.config
        self.has_pooler = source.weights.has_pooler
        self._source = source
        self._engine = engine
        self._forward = FORWARDS[source.model_class]
        signature = inspect.signature(source.model_class.forward)
        self.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])

    @property
    def precision(self) -> Precision:
        """The numerical precision of the encoder."""
        return self._engine.precision

    @property
    def engine(self) -> str:
        """The name of the engine: "openvino" on platforms that have it, else "torch"."""
        return self._engine.name

    def __call__(self, /, *positional: object, **named: object) -> Any:
        """Compute the model's forward, with the argument names of `spec/input_aliases.py`.

        Args:
            *positional: As the model's forward takes them.
            **named: As the model's forward takes them.

        Returns:
            An object of the model's output class (a tuple with `return_dict=False`), without
            gradients.

        Raises:
            InputError: [not-compiled] for labels, `inputs_embeds`, and outputs of single layers;
                else as the model's forward.
        """
        arguments, as_tuple = parse_call(positional, named, [*self.__signature__.parameters])
        for name, value in arguments.items():
            if name not in SUPPORTED and value is not False:
                raise InputError(
                    "not-compiled",
                    f"{name} is given to a compiled model",
                    why=UNSUPPORTED.get(name, "it computes no losses"),
                    fix=f"Leave it out, or call the {self._source.model_class.__name__} itself",
                )
        output = self._source.convert_output(self._forward(self, arguments))
        return output.to_tuple() if as_tuple else output

    def run(self, texts: UnpaddedBatch, request: OutputRequest) -> Outputs:
        """Run the engine on texts without padding."""
        return run_unpadded(self._engine, texts, request)

    def close(self) -> None:
        """Free the engine's memory; the torch model is not changed."""
        self._engine.close()


@check_keywords
def compile_for_inference(
    model: torch.nn.Module,
    *,
    precision: PrecisionName = "float32",
    threads: int | None = None,
    calibration: CalibrationTexts = None,
    deterministic: bool = False,
) -> CompiledAlbert:
    """Compile a torch model for the fast engine, which takes padded batches but skips padding.

    Outputs are the model's, with zeros at padding, and without gradients. A row's pooled vector is
    that of its first real token; with padding before it, torch models pool the padding.

    Args:
        model: Any ALBERT class of albertkit or transformers, in eval mode. float32 parameters on
            the CPU are used without a copy: compile again after they change.
        precision: Numerical precision; "auto" is bfloat16 if the processor has it.
        threads: Number of cores; None for all. The torch engine uses torch's own setting.
        calibration: For "int8": the tokenizer's result for at least 64 texts like yours, or a list
            of such batches.
        deterministic: Bit-identical results for a row whatever the batch and the number of threads
            (slower; needs OpenVINO).

    Returns:
        A callable with the model's forward signature.

    Raises:
        InputError: [model-not-albert], [model-in-training], [checkpoint-untied],
            [group-assignment-differs], [option-invalid], [precision-unsupported],
            [calibration-missing], [quantization-error-too-large].
        ResourceError: [engine-unavailable] if `deterministic` without OpenVINO.
    """
    threads = None if threads is None else check_integer("threads", threads)
    check_calibration(calibration, precision)
    source = read_torch_weights(model)
    try:
        engine = _create_openvino_engine(source, precision, threads, calibration, deterministic)
    except ResourceError as error:
        if error.diagnostic.code != "engine-unavailable" or deterministic:
            raise
        choice = resolve_precision(precision, lambda: describe_torch_processor("cpu"))
        warn_replaced(error, by="torch")
        engine = TorchEngine(source.weights, precision=choice.precision)
    return CompiledAlbert(source, engine)


def _create_openvino_engine(
    source: TorchWeights,
    precision: PrecisionName,
    threads: int | None,
    calibration: CalibrationTexts,
    deterministic: bool,
) -> Engine:
    weights = source.weights
    choice = resolve_precision(precision, detect_processor)
    if precision == "auto":
        choice.log()
    scheme = None
    if choice.precision == "int8":
        scheme = find_scheme(weights, read_calibration(weights.config, calibration)).scheme
    return OpenVinoEngine(
        weights,
        precision=choice.precision,
        scheme=scheme,
        threads=threads,
        deterministic=deterministic,
    )


@dataclass(slots=True)
class _CpuInputs:
    """An InputReader for calibration texts."""

    config: AlbertConfig
    device: torch.device


def read_calibration(config: AlbertConfig, batches: CalibrationTexts) -> Encodings:
    """Read the texts that int8 is calibrated on.

    Args:
        config: The model's config.
        batches: Arguments of a call, or a list of them.

    Returns:
        The texts of all batches without padding.

    Raises:
        InputError: [calibration-missing], and as `check_inputs`.
    """
    batches = [batches] if isinstance(batches, Mapping) else batches
    if not isinstance(batches, Sequence) or not batches:
        value = "not given" if batches is None else describe_value(batches)
        raise InputError(
            "calibration-missing",
            f"precision is 'int8', and calibration is {value}",
            why="the ranges of int8 are computed from texts",
            fix="Give calibration= the tokenizer's result for 64 texts like yours, or more",
        )
    reader = _CpuInputs(config, torch.device("cpu"))
    return concat(
        [read_texts(reader, parse_call((batch,), {}, INPUTS)[0]).encodings for batch in batches]
    )
