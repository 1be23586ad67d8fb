"""TF Hub's preprocessor as a TensorFlow module: texts to the encoder's inputs.

In: a SentencePiece model. Out: a tree of objects for `tf.saved_model.save`, with the API of
albert_en_preprocess/3: itself, `.tokenize` and `.bert_pack_inputs`. Its text rules are TF Hub's
(NFD, accents dropped, NFKC_Casefold) whatever the tokenizer's settings are: they have no
digit-comma rule, so that "2001," is one piece here. Case and accents can be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from albertkit.checkpoints.tfhub.export_encoder import IDS, MASK, TYPES
from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue
from albertkit.fileformats.sentencepiece_model import read_sentencepiece_model

if TYPE_CHECKING:
    from tensorflow import Module, RaggedTensor, Tensor

# The key of the published dict of special tokens → the piece.
SPECIALS = {
    "start_of_sequence_id": "[CLS]",
    "end_of_segment_id": "[SEP]",
    "padding_id": "<pad>",
    "mask_id": "[MASK]",
}
MARKS = r"\p{Mn}"

Packed: TypeAlias = "dict[str, Tensor]"  # int32 [B, seq_length] each


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Everything in which preprocessors differ.

    model: the SentencePiece model's bytes. specials: by the published keys, vocab_size among them.
    length: ids in a row where a call doesn't say.
    """

    model: bytes
    specials: Mapping[str, int]
    length: int
    lower_case: bool = True
    accents_dropped: bool = True


def read_preprocessing(
    model: bytes, settings: Mapping[str, JsonValue], length: int
) -> Preprocessing:
    """The preprocessing with a SentencePiece model and what tokenizer_config.json switches off.

    Raises FormatError [special-piece-missing] and as `read_sentencepiece_model`.
    """
    ids = {
        piece: n
        for n, piece in enumerate(read_sentencepiece_model(model, "the SentencePiece model").pieces)
    }
    for piece in SPECIALS.values():
        if piece not in ids:
            raise FormatError(
                "special-piece-missing",
                f"the vocabulary has no piece {piece}",
                why="TF Hub's preprocessor names it",
                fix="Give the SentencePiece model that belongs to an ALBERT",
            )
    specials = {key: ids[piece] for key, piece in SPECIALS.items()}
    return Preprocessing(
        model,
        {"vocab_size": len(ids), **specials},
        length,
        lower_case=settings.get("do_lower_case") is not False,
        accents_dropped=settings.get("keep_accents") is not True,
    )


def make_preprocessor_module(tf: ModuleType, text: ModuleType, how: Preprocessing) -> Module:
    """The tree to save."""
    steps = Steps(tf, text, how)
    sentences = tf.TensorSpec([None], tf.string, "sentences")
    root = _make_callable(tf, steps.pack_texts, sentences)
    root.tokenize = _make_callable(tf, steps.tokenize, sentences)
    root.tokenize.tokenizer = steps.tokenizer  # what hangs on no object of the tree is not saved
    root.tokenize.get_special_tokens_dict = _make_special_tokens(tf, how.specials)
    root.bert_pack_inputs = _make_packing(tf, steps, how.length)
    return root


def make_preprocessor_signature(tf: ModuleType, preprocessor: Module) -> dict[str, object]:
    """The signature that servers call: texts to inputs."""
    sentences = tf.TensorSpec([None], tf.string, "sentences")
    return {"serving_default": preprocessor.__call__.get_concrete_function(sentences)}


class Steps:
    """Text → ids → rows, as TensorFlow computes it."""

    def __init__(self, tf: ModuleType, text: ModuleType, how: Preprocessing) -> None:
        self.tf = tf
        self.text = text
        self.how = how
        self.tokenizer = text.SentencepieceTokenizer(how.model, out_type=tf.int32)

    def tokenize(self, sentences: Tensor) -> RaggedTensor:
        """Texts [B] → ids [B, (pieces)], without special tokens."""
        tf, text = self.tf, self.text
        if self.how.accents_dropped:
            decomposed = text.normalize_utf8(sentences, "NFD")
            sentences = tf.strings.regex_replace(decomposed, MARKS, "")
        if self.how.lower_case:
            sentences = text.case_fold_utf8(sentences)
        pieces = self.tokenizer.tokenize(sentences)
        # the tokenizer forgets how many texts there are, which models ask of a symbolic batch
        ends = tf.reshape(pieces.row_splits, [tf.size(sentences) + 1])
        return tf.RaggedTensor.from_row_splits(pieces.values, ends, validate=False)

    def pack(self, segments: Sequence[RaggedTensor], length: Tensor) -> Packed:
        """One or two segments → [CLS] a [SEP] (b [SEP]) in rows [B, length].

        Segments are cut in turn, each from its end, until they fit; words are joined first.
        """
        tf, text, specials = self.tf, self.text, self.how.specials
        flat = [s if s.ragged_rank == 1 else s.merge_dims(1, 2) for s in segments]
        room = length - (len(flat) + 1)
        rows, types = text.combine_segments(
            text.RoundRobinTrimmer(room).trim(flat),
            start_of_sequence_id=specials["start_of_sequence_id"],
            end_of_segment_id=specials["end_of_segment_id"],
        )
        ids, mask = text.pad_model_inputs(rows, length, pad_value=specials["padding_id"])
        padded_types, _ = text.pad_model_inputs(types, length, pad_value=0)
        shape = tf.stack([flat[0].nrows(tf.int32), length])  # which padding leaves open
        packed = {IDS: ids, MASK: mask, TYPES: padded_types}
        return {name: tf.reshape(array, shape) for name, array in packed.items()}

    def pack_texts(self, sentences: Tensor) -> Packed:
        """Texts [B] → rows of the usual length, a text in each."""
        return self.pack([self.tokenize(sentences)], self.tf.constant(self.how.length))


def _make_callable(tf: ModuleType, call: Callable[[Tensor], object], spec: object) -> Module:
    """An object that is called with texts, and has the attributes that hub asks for."""
    module = _make_empty_object(tf)

    @tf.function(autograph=False)
    def forward(inputs: Tensor, training: bool = False, mask: None = None) -> object:
        return call(inputs)

    for training in (True, False):  # what is not traced now cannot be called when loaded
        forward.get_concrete_function(spec, training=training)
    module.__call__ = forward
    module.serve = forward
    return module


def _make_packing(tf: ModuleType, steps: Steps, usual_length: int) -> Module:
    module = _make_empty_object(tf)

    @tf.function(autograph=False)
    def forward(inputs: Sequence[RaggedTensor], seq_length: int = usual_length) -> Packed:
        return steps.pack(inputs, tf.convert_to_tensor(seq_length, tf.int32))

    length = tf.TensorSpec([], tf.int32, "seq_length")
    for rank in (1, 2):  # pieces, or words of pieces
        segment = tf.RaggedTensorSpec([None] * (rank + 1), tf.int32, rank)
        for segments in (1, 2):
            forward.get_concrete_function([segment] * segments, seq_length=length)
    module.__call__ = forward
    return module


def _make_special_tokens(tf: ModuleType, specials: Mapping[str, int]) -> Module:
    module = tf.__internal__.tracking.AutoTrackable()
    module.__call__ = tf.function(
        lambda: {key: tf.constant(number) for key, number in specials.items()},
        input_signature=[],
        autograph=False,
    )
    return module


def _make_empty_object(tf: ModuleType) -> Module:
    module = tf.__internal__.tracking.AutoTrackable()
    module.variables = []
    module.trainable_variables = []
    module.regularization_losses = []
    return module
