"""TF Hub's encoder in torch: a dict of ids in, a dict of vectors out, and `.mlm` for a masked LM.

Inputs are int tensors, arrays or lists [B, S]: input_word_ids, input_mask, input_type_ids, or their
names in other libraries. A list of the three, as in version 1, returns a list.
Source: the pages of tensorflow/albert_en_base/1 and /3. Two differences: a row whose mask is all
zero, and a type id that the table does not have, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from albertkit.checkpoints.model_garden.names import PREDICTIONS
from albertkit.checkpoints.names import has_real_projection
from albertkit.errors import InputError
from albertkit.hub.preprocessor import Preprocessor
from albertkit.model import AlbertModel
from albertkit.model.albert import MaskedLMHead, Trace
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs, check_masked_positions
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import MASKED_LM
from albertkit.spec.input_aliases import IDS, LISTED, MASK, MASKED, TYPES, rename_arguments

Inputs: TypeAlias = "Mapping[str, TensorLike] | Sequence[TensorLike]"
Outputs: TypeAlias = "dict[str, Tensor | list[Tensor]]"

POOLED, SEQUENCE, EACH, DEFAULT = "pooled_output", "sequence_output", "encoder_outputs", "default"
LOGITS = "mlm_logits"
# Hugging Face's name → TF Hub's.
TF_HUB_NAMES = {IDS: "input_word_ids", MASK: "input_mask", TYPES: "input_type_ids"}


class Encoder(nn.Module):
    """An encoder, as `hub.load` returns it: a torch module whose parameters can be trained.

    Attributes:
        preprocessor: makes its inputs from texts; None if there is no tokenizer.
    """

    def __init__(self, weights: Weights, preprocessor: Preprocessor | None = None) -> None:
        """Copy the weights of a model with a pooler.

        Raises:
            InputError: [pooler-missing].
        """
        super().__init__()
        if not weights.has_pooler:
            raise InputError(
                "pooler-missing",
                f"{weights.origin or 'this model'} has no pooler",
                why="TF Hub's API promises pooled_output",
                fix="Open a model with a pooler, or use AlbertForMaskedLM",
            )
        self.core = AlbertModel.from_weights(weights)
        self.preprocessor = preprocessor
        self.predictions = None
        if MASKED_LM.name in weights.heads:
            self.predictions = _make_masked_lm_head(weights)
        if not has_real_projection(weights):  # TF Hub's form has none to train
            self.core.encoder.embedding_hidden_mapping_in.requires_grad_(False)
        self.eval()

    @property
    def config(self) -> AlbertConfig:
        """The config of the model."""
        return self.core.config

    @property
    def mlm(self) -> MaskedLM | None:
        """A callable that also takes masked_lm_positions; None without a masked LM head."""
        return None if self.predictions is None else MaskedLM(self, self.predictions)

    @property
    def trainable_variables(self) -> list[nn.Parameter]:
        """The encoder's parameters in TF Hub's order, in torch's layout: 25, or 23 if E = H."""
        by_name = self.core.canonical_parameters()
        parameters = [by_name[row.name] for row in self.core.table().stored]
        return [parameter for parameter in parameters if parameter.requires_grad]

    def forward(
        self, inputs: Inputs, training: bool | None = None, mask: None = None
    ) -> Outputs | list[Tensor]:
        """Encode a batch.

        Args:
            inputs: ids, mask and type ids [B, S] by name, or a list of the three.
            training: whether dropout is active. None: as the last `train()` or `eval()` set it.
            mask: Keras's argument, which TF Hub's encoders ignore.

        Returns:
            pooled_output [B, H], sequence_output [B, S, H], encoder_outputs L × [B, S, H], and
            default, which is pooled_output. For a list: [pooled_output, sequence_output].

        Raises:
            InputError: as `check_inputs`, by the names that the caller used.
        """
        is_list = isinstance(inputs, Sequence)
        named = _name_list(inputs) if isinstance(inputs, Sequence) else inputs
        values, renamed = rename_arguments((named,), {}, (IDS, MASK, TYPES))
        with _use_callers_names(renamed):
            outputs = self.outputs(values, training)
        pooled, sequence = outputs[POOLED], outputs[SEQUENCE]
        if is_list:
            return [output for output in (pooled, sequence) if isinstance(output, Tensor)]
        return {**outputs, DEFAULT: pooled}

    def outputs(self, values: Mapping[str, object], training: bool | None) -> Outputs:
        """Return the outputs that the encoder and `.mlm` have in common.

        Args:
            values: inputs by Hugging Face's names.
            training: whether dropout is active. None: as it was set last.
        """
        ids, mask, types = (values.get(name) for name in (IDS, MASK, TYPES))
        checked = check_inputs(self.core, ids, mask, types, None, None)  # type: ignore[arg-type]  # checked there
        trace = Trace.create(hidden_states=True, attentions=False)
        was_training = self.training
        self.train(was_training if training is None else training)
        try:
            vectors = self.core.token_vectors(*checked, trace)  # [B, S, H]
            pooled = self.core.pool(vectors[:, 0])  # [B, H]
        finally:
            self.train(was_training)
        inner = self.config.inner_group_num
        states = trace.hidden_states or []
        return {POOLED: pooled, SEQUENCE: vectors, EACH: states[inner::inner]}


class MaskedLM:
    """`encoder.mlm`: the encoder's outputs and the logits of all pieces at given positions."""

    def __init__(self, encoder: Encoder, predictions: MaskedLMHead) -> None:
        """Combine an encoder and its masked LM head."""
        self._encoder = encoder
        self._predictions = predictions

    @property
    def trainable_variables(self) -> list[nn.Parameter]:
        """The encoder's parameters, then the five of the head, in TF Hub's order."""
        by_name = dict(self._predictions.named_parameters(prefix=MASKED_LM.prefix))
        head = (by_name[row.canonical] for row in PREDICTIONS)
        return [*self._encoder.trainable_variables, *head]

    def __call__(self, inputs: Inputs, training: bool | None = None, mask: None = None) -> Outputs:
        """Predict the pieces at masked positions.

        Args:
            inputs: ids, mask and type ids [B, S], and masked_lm_positions [B, P].
            training: whether dropout is active. None: as the last `train()` or `eval()` set it.
            mask: Keras's argument, which TF Hub's encoders ignore.

        Returns:
            mlm_logits [B, P, V], and the encoder's outputs without default.

        Raises:
            InputError: [inputs-missing] without positions, and as the encoder.
        """
        values, renamed = rename_arguments((inputs,), {}, (IDS, MASK, TYPES, MASKED))
        if MASKED not in values:
            raise InputError(
                "inputs-missing",
                f"{MASKED} is not given",
                why="mlm predicts words only at these slots",
                fix="Give their numbers [B, P], padded with 0",
            )
        with _use_callers_names(renamed):
            outputs = self._encoder.outputs(values, training)
            vectors = outputs[SEQUENCE]
            if not isinstance(vectors, Tensor):
                raise AssertionError("the sequence output is one tensor")
            positions = check_masked_positions(values[MASKED], vectors[..., 0])  # type: ignore[arg-type]  # checked there
        if positions is None:
            raise AssertionError("positions were given")
        index = positions[:, :, None].expand(-1, -1, vectors.shape[2])  # [B, P, H]
        masked = vectors.gather(1, index)  # [B, P, H]
        table = self._encoder.core.embeddings.word_embeddings.weight
        return {**outputs, LOGITS: self._predictions(masked, table)}


@contextmanager
def _use_callers_names(renamed: Mapping[str, str]) -> Iterator[None]:
    """Let errors name inputs as the caller did, or as TF Hub does, not as Hugging Face.

    renamed: the caller's name → Hugging Face's.
    """
    names = {**TF_HUB_NAMES, **{ours: theirs for theirs, ours in renamed.items()}}
    pattern = re.compile(rf"\b({'|'.join(names)})\b")

    def translate(text: str) -> str:
        return pattern.sub(lambda match: names[match[0]], text)

    try:
        yield
    except InputError as error:
        part = error.diagnostic
        raise InputError(
            part.code,
            translate(part.what),
            why=translate(part.why),
            fix=translate(part.fix),
            where=part.where,
        ) from error


def _name_list(inputs: Sequence[TensorLike]) -> dict[str, TensorLike]:
    if isinstance(inputs, str) or any(isinstance(item, str) for item in inputs):
        raise InputError(
            "inputs-missing",
            "the inputs are text",
            why="an encoder reads ids, masks and types",
            fix="Give what the preprocessor makes of the text: encoder(preprocessor([text]))",
        )
    if len(inputs) != len(LISTED):
        raise InputError(
            "inputs-missing",
            f"the list has {len(inputs)} inputs",
            why="an encoder of version 1 reads three: ids, mask and types",
            fix="Give all three, or a dict by their names",
        )
    return dict(zip(LISTED, inputs, strict=True))


def _make_masked_lm_head(weights: Weights) -> MaskedLMHead:
    head = MaskedLMHead(weights.config)
    head.load_state_dict(
        {
            name: torch.from_numpy(np.array(weights.arrays[f"{MASKED_LM.prefix}.{name}"]))
            for name, _ in head.named_parameters()
        }
    )
    return head
