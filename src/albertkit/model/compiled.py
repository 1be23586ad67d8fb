"""A torch model's forward, computed by the fast engine: the same call, the same outputs.

In: a model in eval mode. Out: a callable that takes padded batches as the model does, computes
their real tokens only, and gives the model's outputs, with zeros at padding.
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
from albertkit.engine.precision import PrecisionName, check_calibration, precision_for
from albertkit.engine.processor import detect_processor
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, Precision
from albertkit.engine.replaced import tell_replaced
from albertkit.errors import InputError, ResourceError
from albertkit.errors.arguments import describe_value
from albertkit.errors.keywords import check_keywords
from albertkit.model.call_adapter import OutputOrTuple, parse_call
from albertkit.model.compiled_forwards import FORWARDS, INPUTS, texts_of
from albertkit.model.devices import describe_torch_processor
from albertkit.model.texts_asked import run_unpadded
from albertkit.model.torch_engine import TorchEngine
from albertkit.model.torch_weights import TorchWeights, read_torch_weights
from albertkit.model.unpadded import UnpaddedBatch
from albertkit.spec import AlbertConfig
from albertkit.tokenization.encodings import Encodings, concat

Calibration = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

ANSWERED = {*INPUTS, "masked_lm_positions", "p_mask", "start_n_top", "end_n_top"} - {
    "inputs_embeds"
}
# Why the rest is not answered; where nothing stands here, it is a label.
UNANSWERED: Mapping[str, str] = MappingProxyType(
    {
        "inputs_embeds": "the engine looks words up itself",
        "output_attentions": "only the last token vectors leave the engine",
        "output_hidden_states": "only the last token vectors leave the engine",
    }
)


class CompiledAlbert:
    """A model as `compile_for_inference` gives it; called as the model is.

    config: the model's, as albertkit reads it. device: where inputs are read and outputs lie.
    """

    device = torch.device("cpu")

    def __init__(self, source: TorchWeights, engine: Engine) -> None:
        self.config = source.weights.config
        self.has_pooler = source.weights.has_pooler
        self._source = source
        self._engine = engine
        self._forward = FORWARDS[source.kind]
        whole = inspect.signature(source.kind.forward)
        self.__signature__ = whole.replace(parameters=[*whole.parameters.values()][1:])

    @property
    def precision(self) -> Precision:
        """What is computed in."""
        return self._engine.precision

    @property
    def engine(self) -> str:
        """The name of the engine that computes: "openvino", where the platform has it."""
        return self._engine.name

    def __call__(self, /, *given: object, **named: object) -> OutputOrTuple:
        """The model's forward, in each of the dialects of `spec/input_aliases.py`.

        Outputs have no gradient. Raises InputError [not-compiled] for a loss, embedded words, and
        what lies between input and output; else as the model does.
        """
        arguments, as_tuple = parse_call(given, named, [*self.__signature__.parameters])
        for name, value in arguments.items():
            if name not in ANSWERED and value is not False:
                raise InputError(
                    "not-compiled",
                    f"{name} is given to a compiled model",
                    why=UNANSWERED.get(name, "it only computes answers, no losses"),
                    fix=f"Leave it out, or call the {self._source.kind.__name__} itself",
                )
        output = self._source.dressed(self._forward(self, arguments))
        return output.to_tuple() if as_tuple else output

    def answers(self, texts: UnpaddedBatch, wanted: OutputRequest) -> Outputs:
        return run_unpadded(self._engine, texts, wanted)

    def close(self) -> None:
        """Give the engine's memory back; the model itself stays as it is."""
        self._engine.close()


@check_keywords
def compile_for_inference(
    model: torch.nn.Module,
    *,
    precision: PrecisionName = "float32",
    threads: int | None = None,
    calibration: Calibration = None,
    deterministic: bool = False,
) -> CompiledAlbert:
    """Let the fast engine answer for `model`: it takes padded batches, and computes no padding.

    Outputs are the model's, with zeros at padding, and without gradients. A row's pooled vector is
    that of its first real token; where padding stands before it, torch models pool the padding.

    model: any class of albertkit's or transformers' ALBERT, in eval mode. float32 parameters on
    the CPU are used where they lie, without a copy: after they change, compile again.
    precision: what is computed in; "auto" is bfloat16 where the processor has it. threads: cores
    to use; None: all; torch, where it stands in, keeps to its own setting. calibration: what
    "int8" is fitted to: the tokenizer's answer for at least 64 texts like yours, or a list of such
    batches. deterministic: a row's answers are the same to the bit, whatever rows are beside it and
    however many threads there are; slower, and by OpenVINO alone.

    Raises InputError [model-not-albert], [model-in-training], [checkpoint-untied],
    [group-assignment-differs], [option-invalid], [precision-unsupported], [calibration-missing],
    [quantization-error-too-large], and ResourceError [engine-unavailable] where it is to be
    deterministic.
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise InputError(
            "option-invalid",
            f"threads is {threads!r}",
            why="so many cores compute, and one at least must",
            fix="Give the number of cores, or leave it out for all",
        )
    check_calibration(calibration, precision)
    source = read_torch_weights(model)
    try:
        engine = _by_openvino(source, precision, threads, calibration, deterministic)
    except ResourceError as error:
        if error.diagnostic.code != "engine-unavailable" or deterministic:
            raise
        able = precision_for(precision, lambda: describe_torch_processor("cpu"))
        tell_replaced(error, by="torch")
        engine = TorchEngine(source.weights, precision=able.precision)
    return CompiledAlbert(source, engine)


def _by_openvino(
    source: TorchWeights,
    asked: PrecisionName,
    threads: int | None,
    calibration: Calibration,
    deterministic: bool,
) -> Engine:
    weights = source.weights
    chosen = precision_for(asked, detect_processor)
    if asked == "auto":
        chosen.tell()
    scheme = None
    if chosen.precision == "int8":
        scheme = find_scheme(weights, texts_of_batches(weights.config, calibration)).scheme
    return OpenVinoEngine(
        weights,
        precision=chosen.precision,
        scheme=scheme,
        threads=threads,
        deterministic=deterministic,
    )


@dataclass(slots=True)
class _Reader:
    config: AlbertConfig
    device: torch.device


def texts_of_batches(config: AlbertConfig, given: Calibration) -> Encodings:
    """What int8 is fitted to; raises as a call does, and [calibration-missing]."""
    batches = [given] if isinstance(given, Mapping) else given
    if not isinstance(batches, Sequence) or not batches:
        seen = "not given" if given is None else describe_value(given)
        raise InputError(
            "calibration-missing",
            f"precision is 'int8', and calibration is {seen}",
            why="the ranges of int8 are taken from texts",
            fix="Give calibration= the tokenizer's answer for 64 texts like yours, or more",
        )
    reader = _Reader(config, torch.device("cpu"))
    return concat(
        [texts_of(reader, parse_call((batch,), {}, INPUTS)[0]).encodings for batch in batches]
    )
