"""Every output of a model for the parity inputs: output name → array.

Letters: N texts, T tokens, H hidden, V vocabulary, C a head's width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.conversion.parity_inputs import ParityInputs
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import Layout, number_tokens, pack, plan
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, Spans, SpanSearch
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import Weights, head
from albertkit.spec.heads import MASKED_LM, SPAN_SEARCH

OutputArrays: TypeAlias = dict[str, FloatArray]

SEQUENCE, POOLED = "sequence", "pooled"


def compute_outputs(
    weights: Weights, inputs: ParityInputs, engine: Engine | None = None
) -> OutputArrays:
    """Compute all outputs of a model.

    Args:
        weights: the model.
        inputs: N texts.
        engine: an engine of these weights. None: numpy's.

    Returns:
        sequence [T, H]; pooled [N, H] if there is a pooler; the logits of each head by its name.
        masked_lm: [T, V], at every token. span_search: [N, 3], the log probabilities of the
        likeliest start and of its end, and the logit of no answer. Others: [N, C] or [T, C].
    """
    engine = engine or NumpyEngine(weights)
    has_masked_lm = MASKED_LM.name in weights.heads
    linear = [name for name in weights.heads if head(name).is_linear]
    search = SpanSearch(start_n_top=1, end_n_top=1) if SPAN_SEARCH.name in weights.heads else None
    parts: list[OutputArrays] = []
    layouts = plan(inputs.encodings.lengths)
    for layout in layouts:
        batch = pack(inputs.encodings, layout)
        T = len(batch.slots)
        request = OutputRequest(
            tokens=True,
            pooled=weights.has_pooler,
            mlm_tokens=np.arange(T) if has_masked_lm else None,
            head=linear[0] if linear else None,
            spans=search,
        )
        outputs = _name_outputs(engine.run(batch, request), request)
        for name in linear[1:]:
            request = OutputRequest(head=name)
            outputs |= _name_outputs(engine.run(batch, request), request)
        parts.append(outputs)
    return {
        name: _restore_order([part[name] for part in parts], layouts, inputs, _is_per_token(name))
        for name in parts[0]
    }


class Float64Engine(NumpyEngine):
    """The numpy engine in float64: the exact outputs, against which float32 is measured."""

    def __init__(self, weights: Weights) -> None:
        """Run these weights; each array is converted when it is used."""
        super().__init__(weights)
        arrays = _Float64Arrays(weights.arrays)
        self._emit = NumpyEmitter(weights.config, arrays, lambda x, weight: x @ weight.T)


class _Float64Arrays(Mapping[str, FloatArray]):
    def __init__(self, arrays: Mapping[str, FloatArray]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> FloatArray:
        return self._arrays[name].astype(np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def _name_outputs(outputs: Outputs, request: OutputRequest) -> OutputArrays:
    arrays = {
        SEQUENCE: outputs.tokens,
        POOLED: outputs.pooled,
        MASKED_LM.name: outputs.mlm_logits,
        SPAN_SEARCH.name: None if outputs.spans is None else _select_likeliest(outputs.spans),
        str(request.head): outputs.head_logits,
    }
    return {name: array for name, array in arrays.items() if array is not None}


def _select_likeliest(spans: Spans) -> FloatArray:
    """The likeliest answer of each text [N, 3]."""
    log_probs = (spans.start_log_probs[:, 0], spans.end_log_probs[:, 0, 0])
    return np.stack([*log_probs, spans.no_answer_logit], axis=1)


def _is_per_token(name: str) -> bool:
    per_text = (POOLED, SPAN_SEARCH.name)
    return name == SEQUENCE or (name not in per_text and head(name).reads == "tokens")


def _restore_order(
    parts: Sequence[FloatArray],
    layouts: Iterable[Layout],
    inputs: ParityInputs,
    is_per_token: bool,
) -> FloatArray:
    """The batches' outputs in the order of the inputs."""
    numbers = [
        number_tokens(inputs.encodings, layout) if is_per_token else layout.texts
        for layout in layouts
    ]
    flat = np.concatenate(parts)
    ordered = np.empty_like(flat)
    ordered[np.concatenate(numbers)] = flat
    return ordered
