"""TF Hub's encoder in torch: a dict of ids in, a dict of vectors out, and `.mlm` beside it.

Inputs are int tensors, arrays or lists [B, S]: input_word_ids, input_mask, input_type_ids, also
under the names of other dialects; as a list of the three, as version 1 has it, a list comes back.
Source: the pages of tensorflow/albert_en_base/1 and /3. What differs: a row whose mask is all
zero, and a type id that the table does not have, are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from albertkit.spec.input_aliases import IDS, LISTED, MASK, MASKED, TYPES, canonical_arguments

Inputs: TypeAlias = "Mapping[str, TensorLike] | Sequence[TensorLike]"
Outputs: TypeAlias = "dict[str, Tensor | list[Tensor]]"

POOLED, SEQUENCE, EACH, DEFAULT = "pooled_output", "sequence_output", "encoder_outputs", "default"
LOGITS = "mlm_logits"


class Encoder(nn.Module):
    """An encoder as `hub.load` gives it; a torch module whose parameters can be trained.

    mlm: calls it with masked_lm_positions too; None without a masked-word head. preprocessor:
    makes its inputs of texts; None where the place has no tokenizer.
    """

    def __init__(self, weights: Weights, preprocessor: Preprocessor | None = None) -> None:
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
            self.predictions = _masked_word_head(weights)
        if not has_real_projection(weights):  # TF Hub's form has none to train
            self.core.encoder.embedding_hidden_mapping_in.requires_grad_(False)
        self.eval()

    @property
    def config(self) -> AlbertConfig:
        return self.core.config

    @property
    def mlm(self) -> MaskedWords | None:
        return None if self.predictions is None else MaskedWords(self, self.predictions)

    @property
    def trainable_variables(self) -> list[nn.Parameter]:
        """The 25 of the encoder in TF Hub's order, 23 without a projection; as torch lays them."""
        own = self.core.canonical_parameters()
        named = [own[row.name] for row in self.core.table().stored]
        return [parameter for parameter in named if parameter.requires_grad]

    def forward(
        self, inputs: Inputs, training: bool | None = None, mask: None = None
    ) -> Outputs | list[Tensor]:
        """pooled_output [B, H], sequence_output [B, S, H], encoder_outputs L × [B, S, H], default.

        default is pooled_output. training: whether dropout acts; None: as `train()` and `eval()`
        said last. mask: Keras's own argument, which TF Hub's encoders leave alone.
        Of a list of inputs the list [pooled_output, sequence_output].
        Raises InputError as `canonical_arguments` and `check_inputs`.
        """
        listed = isinstance(inputs, Sequence)
        given = _of_list(inputs) if isinstance(inputs, Sequence) else inputs
        values, _ = canonical_arguments((given,), {}, (IDS, MASK, TYPES))
        outputs = self.outputs(values, training)
        pooled, sequence = outputs[POOLED], outputs[SEQUENCE]
        if listed:
            return [each for each in (pooled, sequence) if isinstance(each, Tensor)]
        return {**outputs, DEFAULT: pooled}

    def outputs(self, values: Mapping[str, object], training: bool | None) -> Outputs:
        """The outputs that the encoder and `.mlm` have in common."""
        ids, seen, types = (values.get(name) for name in (IDS, MASK, TYPES))
        checked = check_inputs(self.core, ids, seen, types, None, None)  # type: ignore[arg-type]  # checked there
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


class MaskedWords:
    """`encoder.mlm`: logits of the words at given positions, beside the encoder's outputs."""

    def __init__(self, encoder: Encoder, predictions: MaskedLMHead) -> None:
        self._encoder = encoder
        self._predictions = predictions

    @property
    def trainable_variables(self) -> list[nn.Parameter]:
        """The encoder's, then the five of the head, in TF Hub's order."""
        own = dict(self._predictions.named_parameters(prefix=MASKED_LM.prefix))
        return [*self._encoder.trainable_variables, *(own[row.canonical] for row in PREDICTIONS)]

    def __call__(self, inputs: Inputs, training: bool | None = None, mask: None = None) -> Outputs:
        """mlm_logits [B, P, V] for masked_lm_positions [B, P], and the encoder's but default.

        Raises InputError [inputs-missing] without positions, and as the encoder does.
        """
        values, _ = canonical_arguments((inputs,), {}, (IDS, MASK, TYPES, MASKED))
        if MASKED not in values:
            raise InputError(
                "inputs-missing",
                f"{MASKED} is not given",
                why="mlm answers for these slots alone",
                fix="Give their numbers [B, P], padded with 0",
            )
        outputs = self._encoder.outputs(values, training)
        vectors = outputs[SEQUENCE]
        if not isinstance(vectors, Tensor):
            raise AssertionError("the sequence output is one tensor")
        at = check_masked_positions(values[MASKED], vectors[..., 0])  # type: ignore[arg-type]  # checked there
        if at is None:
            raise AssertionError("positions were given")
        wanted = vectors.gather(1, at[:, :, None].expand(-1, -1, vectors.shape[2]))  # [B, P, H]
        table = self._encoder.core.embeddings.word_embeddings.weight
        return {**outputs, LOGITS: self._predictions(wanted, table)}


def _of_list(inputs: Sequence[TensorLike]) -> dict[str, TensorLike]:
    if len(inputs) != len(LISTED):
        raise InputError(
            "inputs-missing",
            f"the list has {len(inputs)} inputs",
            why="an encoder of version 1 reads three: ids, mask and types",
            fix="Give all three, or a dict by their names",
        )
    return dict(zip(LISTED, inputs, strict=True))


def _masked_word_head(weights: Weights) -> MaskedLMHead:
    made = MaskedLMHead(weights.config)
    made.load_state_dict(
        {
            name: torch.from_numpy(np.array(weights.arrays[f"{MASKED_LM.prefix}.{name}"]))
            for name, _ in made.named_parameters()
        }
    )
    return made
