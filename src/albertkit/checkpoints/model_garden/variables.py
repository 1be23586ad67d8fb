"""The variables of an encoder that Model Garden made, by their published names.

In: the tensor bundle of a SavedModel or of an object-based checkpoint. Out: GardenVariables, which
reads tensors by the names in names.py wherever the writer put them, and the fields of a
config that their shapes determine: V, E, H, F, positions, types, and the heads too, since
kernels of attention are [H, A, D].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from albertkit.arrays import FloatArray
from albertkit.checkpoints.agreement import note_ignored_tensors
from albertkit.checkpoints.model_garden.bert_names import SHARED, list_bert_variables, name_block
from albertkit.checkpoints.model_garden.names import EMBEDDINGS, LAYER, PROJECTED, list_rows
from albertkit.checkpoints.names import read_weights
from albertkit.errors import Diagnostic, FormatError
from albertkit.errors.exceptions import list_names
from albertkit.fileformats.tensorflow.object_graph import read_tracked_variables
from albertkit.fileformats.tensorflow.tensor_bundle import TensorBundle
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import MASKED_LM

WORDS, POSITIONS, TYPES = (row.foreign for row in EMBEDDINGS[:3])
QUERY, INTERMEDIATE = LAYER[0].foreign, f"{SHARED}intermediate/kernel"
MODEL_OF_HEAD = "bert/"  # the Keras model that named the masked LM head's variables
HEAD_PREFIX = "cls/predictions/"
BIAS = f"{HEAD_PREFIX}output_bias/bias"
# Variables that are not weights: how often it was saved, and a setting of the vocabulary.
IDLE = ("save_counter", "Variable")


class GardenVariables:
    """Tensors by their variables' names, as a bundle's object graph lists them.

    Raises FormatError [checkpoint-without-encoder] where no word embeddings, or more than one, is
    there; and as `read_tracked_variables`.
    """

    def __init__(self, bundle: TensorBundle) -> None:
        self.origin = bundle.name
        self._bundle = bundle
        self._keys: dict[str, str] = {}  # name → key of the tensor
        variables = read_tracked_variables(bundle)
        new_names = self._restore_names([variable.name for variable in variables])
        for name, variable in zip(new_names, variables, strict=True):
            if name in self._keys and name not in IDLE:
                raise self._not_one(2, name)
            self._keys[name] = variable.key

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """name → shape, without reading a tensor."""
        return {name: self._bundle.entries[key].shape for name, key in self._keys.items()}

    def __getitem__(self, name: str) -> FloatArray:
        return self._bundle[self._keys[name]]

    @property
    def blocks(self) -> int | None:
        """How many layers have a block of their own (BERT); None where all share one (ALBERT)."""
        count = 0
        while QUERY.replace(SHARED, name_block(count)) in self._keys:
            count += 1
        return count or None

    @property
    def heads(self) -> tuple[str, ...]:
        """The masked LM head, where it is there."""
        return (MASKED_LM.name,) if MODEL_OF_HEAD + BIAS in self._keys else ()

    def fields(self) -> dict[str, int | None]:
        """Return the config fields that names and shapes determine.

        Raises FormatError [checkpoint-without-encoder], [checkpoint-shape-mismatch].
        """
        first = SHARED if self.blocks is None else name_block(0)
        query = QUERY.replace(SHARED, first)
        vocabulary, narrow = self._shape(WORDS, 2)
        hidden, heads, head_size = self._shape(query, 3)
        if hidden != heads * head_size:
            raise self._shape_error(query, "its heads together are as wide as what enters them")
        fields: dict[str, int | None] = {
            "vocab_size": vocabulary,
            "embedding_size": narrow,
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "intermediate_size": self._shape(INTERMEDIATE.replace(SHARED, first), 2)[1],
            "max_position_embeddings": self._shape(POSITIONS, 2)[0],
            "type_vocab_size": self._shape(TYPES, 2)[0],
        }
        if self.blocks is None:
            return fields
        return {
            **fields,
            "num_hidden_layers": self.blocks,
            "num_hidden_groups": self.blocks,
            "bos_token_id": None,  # ALBERT's ids 2 and 3 are other pieces in a BERT's vocabulary
            "eos_token_id": None,
        }

    def weights(self, config: AlbertConfig) -> tuple[Weights, tuple[Diagnostic, ...]]:
        """The weights of a configuration, and a note on tensors that no part of it reads.

        Raises FormatError [checkpoint-without-encoder], [checkpoint-shape-mismatch].
        """
        table = (list_rows if self.blocks is None else list_bert_variables)(config, self.heads)
        if PROJECTED[0].foreign in self._keys:  # Model Garden has none where E equals H
            table = tuple(dict.fromkeys((*table, *PROJECTED)))
        weights = read_weights(self, table, config, self.heads, origin=self.origin)
        read = {row.foreign for row in table}
        unread = [name for name in self._keys if name not in read and name not in IDLE]
        return weights, ((note_ignored_tensors(unread, self.origin),) if unread else ())

    def _restore_names(self, names: Sequence[str]) -> list[str]:
        """The names as they were published, whatever the Keras models were called here."""
        encoder = self._model_of(WORDS, names)
        names = [name.removeprefix(encoder) for name in names]
        if not any(f"/{name}".endswith(f"/{BIAS}") for name in names):
            return names
        head = self._model_of(BIAS, names) + HEAD_PREFIX
        return [
            MODEL_OF_HEAD + HEAD_PREFIX + name.removeprefix(head) if name.startswith(head) else name
            for name in names
        ]

    def _model_of(self, ending: str, names: Iterable[str]) -> str:
        """The prefix of the one variable of this name: its Keras model's name, or nothing.

        Optimisers name their slots after the variables (`Adam/m/…`), so that the shortest name
        with this ending is the variable's own.
        """
        matches = sorted((name for name in names if f"/{name}".endswith(f"/{ending}")), key=len)
        if not matches or any(not f"/{name}".endswith(f"/{matches[0]}") for name in matches):
            raise self._not_one(len(matches), ending)
        return matches[0].removesuffix(ending)

    def _shape(self, name: str, axes: int) -> tuple[int, ...]:
        shape = self.shapes.get(name)
        if shape is None:
            raise self._not_one(0, name)
        if len(shape) != axes or 0 in shape:
            raise self._shape_error(name, f"in every encoder of Model Garden it has {axes} axes")
        return shape

    def _shape_error(self, name: str, why: str) -> FormatError:
        return FormatError(
            "checkpoint-shape-mismatch",
            f"{name} has the shape {list(self.shapes[name])}",
            why=why,
            fix="Give a checkpoint of one whole ALBERT or BERT",
            where=self.origin,
        )

    def _not_one(self, count: int, name: str) -> FormatError:
        return FormatError(
            "checkpoint-without-encoder",
            f"{count or 'no'} variables are called {name}",
            why=f"an encoder has one; the file holds {list_names(list(self._keys)) or 'none'}",
            fix="Give the directory of one whole ALBERT or BERT",
            where=self.origin,
        )
