"""Run a torch model's forward on the fast engine: the same call, the same outputs.

Input: a model in eval mode. Output: a callable that takes padded batches as the model does,
computes only their real tokens, and returns the model's outputs, with zeros at padding.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from albertkit.engine.cpu_engine import choose_cpu_engine, create_cpu_engine
from albertkit.engine.precision import PrecisionName, resolve_precision
from albertkit.engine.processor import detect_processor
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, Precision
from albertkit.errors import InputError, ResourceError
from albertkit.errors.arguments import check_integer, check_keywords
from albertkit.model.call_adapter import parse_call
from albertkit.model.compiled_forwards import FORWARDS, INPUTS
from albertkit.model.torch_engine import TorchEngine
from albertkit.model.torch_weights import TorchWeights, read_torch_weights
from albertkit.model.unpadded import UnpaddedBatch, run_unpadded
from albertkit.spec import Weights

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
        self._is_measured = False
        self._forward = FORWARDS[source.model_class]
        signature = inspect.signature(source.model_class.forward)
        self.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])

    @property
    def precision(self) -> Precision:
        """The numerical precision of the encoder."""
        return self._engine.precision

    @property
    def engine(self) -> str:
        """The name of the engine: "native", else "openvino" if it is installed, else "torch"."""
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
                [quantization-error-too-large] at the first call in int8; else as the model's
                forward.
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
        """Run the engine on texts without padding; int8's error is measured on the first ones."""
        if self.precision == "int8" and not self._is_measured:
            from albertkit.engine.native.int8_error import measure_int8

            measure_int8(self._source.weights, texts.encodings)
            self._is_measured = True
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
    deterministic: bool = False,
) -> CompiledAlbert:
    """Compile a torch model for the fast engine, which takes padded batches but skips padding.

    Outputs are the model's, with zeros at padding, and without gradients. A row's pooled vector is
    that of its first real token; with padding before it, torch models pool the padding.

    Args:
        model: Any ALBERT class of albertkit or transformers, in eval mode. float32 parameters on
            the CPU are used without a copy where the engine needs none: compile again after they
            change.
        precision: Numerical precision; "auto" is bfloat16 if the processor has it.
        threads: Number of cores; None for all. The torch engine uses torch's own setting.
        deterministic: Bit-identical results for a row whatever the batch and the number of threads
            (slower without the native engine).

    Returns:
        A callable with the model's forward signature.

    Raises:
        InputError: [model-not-albert], [model-in-training], [checkpoint-untied],
            [group-assignment-differs], [option-invalid], [precision-unsupported].
        ResourceError: [engine-unavailable] for int8 without the native engine.
    """
    threads = None if threads is None else check_integer("threads", threads)
    source = read_torch_weights(model)
    choice = resolve_precision(precision, detect_processor)
    if precision == "auto":
        choice.log()
    engine = _create_engine(source.weights, choice.precision, threads, deterministic)
    return CompiledAlbert(source, engine)


def _create_engine(
    weights: Weights, precision: Precision, threads: int | None, deterministic: bool
) -> Engine:
    """The fastest engine that is here; torch in place of numpy, which it is faster than."""
    try:
        name = choose_cpu_engine(precision)
    except ResourceError:
        if precision == "int8" or deterministic:
            raise
        name = "numpy"
    if name == "numpy" and not deterministic:
        return TorchEngine(weights, precision=precision)
    return create_cpu_engine(
        name, weights, precision=precision, threads=threads, deterministic=deterministic
    )
