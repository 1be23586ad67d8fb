"""The variables of a checkpoint that google-research/albert wrote, by google's usual names.

In: a tensor bundle. Out: Tf1Variables, which reads tensors by the names of names.py with any
prefix, the heads, and what shapes and names show of the configuration: all but the number of
layers, the number of attention heads, and the activation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

from albertkit.arrays import FloatArray
from albertkit.checkpoints.agreement import note_ignored_tensors
from albertkit.checkpoints.names import read_weights
from albertkit.checkpoints.tf1.names import (
    CLASSIFIER,
    GROUP,
    HEAD_ROWS,
    POOLER,
    WORDS,
    list_rows,
    list_usual_names,
)
from albertkit.errors import Diagnostic, FormatError
from albertkit.errors.exceptions import list_names
from albertkit.fileformats.tensorflow.tensor_bundle import TensorBundle
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import MULTIPLE_CHOICE, SEQUENCE_CLASSIFICATION

GROUP_NUMBERS = re.compile(GROUP.format(r"(\d+)", r"(\d+)"))
BERT_LAYER = "bert/encoder/layer_0/"
CLASSIFIERS = (SEQUENCE_CLASSIFICATION, MULTIPLE_CHOICE)  # their variables have the same names


class Tf1Variables:
    """Tensors by google's names.

    Raises FormatError [checkpoint-without-encoder] where there is no word embeddings, or where the
    layers are BERT's; [file-malformed] where two variables have the same usual name.
    """

    def __init__(self, bundle: TensorBundle, origin: str) -> None:
        self.origin = origin
        self._bundle = bundle
        self._names: dict[str, str] = {}  # google's name → the file's
        for name, there in list_usual_names(bundle):
            if self._names.setdefault(name, there) != there:
                raise self._duplicate_names_error(name, there)
        if WORDS not in self._names or any(name.startswith(BERT_LAYER) for name in self._names):
            raise self._no_albert()

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """google's name → shape, without reading a tensor."""
        return {name: self._bundle.entries[there].shape for name, there in self._names.items()}

    def __getitem__(self, name: str) -> FloatArray:
        return self._bundle[self._names[name]]

    def fields(self) -> dict[str, int]:
        """Return the config fields that shapes and names determine.

        Raises FormatError [checkpoint-without-encoder], [checkpoint-shape-mismatch].
        """
        layer = GROUP.format(0, 0)
        vocabulary, narrow = self._matrix(WORDS)
        return {
            "vocab_size": vocabulary,
            "embedding_size": narrow,
            "hidden_size": self._matrix(f"{layer}attention_1/self/query/kernel")[0],
            "intermediate_size": self._matrix(f"{layer}ffn_1/intermediate/dense/kernel")[1],
            "max_position_embeddings": self._matrix("bert/embeddings/position_embeddings")[0],
            "type_vocab_size": self._matrix("bert/embeddings/token_type_embeddings")[0],
            **self.repeats(),
        }

    def repeats(self) -> dict[str, int]:
        """How many groups, and inner layers in each, the names count."""
        matches = [match for match in map(GROUP_NUMBERS.match, self._names) if match]
        return {
            "num_hidden_groups": 1 + max((int(match[1]) for match in matches), default=0),
            "inner_group_num": 1 + max((int(match[2]) for match in matches), default=0),
        }

    def weights(self, config: AlbertConfig) -> tuple[Weights, tuple[Diagnostic, ...]]:
        """The weights of a configuration with the heads that are there, and what to say of them.

        Raises FormatError [checkpoint-without-encoder], [checkpoint-shape-mismatch].
        """
        heads, notes = self._heads(config)
        if SEQUENCE_CLASSIFICATION.name in heads:
            config = _set_label_count(config, self.shapes[CLASSIFIER][:1])
        pooler = POOLER[0].foreign in self._names
        needed = list_rows(config, heads, pooler=pooler)
        for row in needed:
            if row.foreign in self._names:
                self._bundle.check_float(self._names[row.foreign])
        weights = read_weights(self, needed, config, heads, pooler=pooler, origin=self.origin)
        read = {row.foreign for row in needed}
        unread = [there for name, there in self._names.items() if name not in read]
        notes += (note_ignored_tensors(unread, self.origin),) if unread else ()
        return weights, notes

    def _heads(self, config: AlbertConfig) -> tuple[tuple[str, ...], tuple[Diagnostic, ...]]:
        """The heads that are there whole; notes on those begun and those guessed."""
        notes = list(self._notes_on_names())
        classifier = self._classifier(config, notes)
        heads = []
        for name, own in HEAD_ROWS.items():
            if name in {spec.name for spec in CLASSIFIERS} and name != classifier:
                continue
            missing = [row.foreign for row in own if row.foreign not in self._names]
            if not missing:
                heads.append(name)
            elif len(missing) < len(own):
                notes.append(_note_missing_head(name, missing, self.origin))
        return tuple(heads), tuple(notes)

    def _classifier(self, config: AlbertConfig, notes: list[Diagnostic]) -> str:
        """Which head `output_weights` is: by the configuration, else by its number of rows."""
        claimed = config.extra.get("architectures")
        for spec in CLASSIFIERS:
            if isinstance(claimed, list) and spec.architecture in claimed:
                return spec.name
        if self.shapes.get(CLASSIFIER, ())[:1] != (1,):
            return SEQUENCE_CLASSIFICATION.name
        notes.append(
            Diagnostic(
                "head-guessed",
                "note",
                f"{CLASSIFIER} has one row, and is read as the head {MULTIPLE_CHOICE.name}",
                why="google's RACE and STS-B models have the same variables, and give one number "
                "for each text, computed alike",
                fix=f'Where it scores texts alone, add "architectures": '
                f'["{SEQUENCE_CLASSIFICATION.architecture}"] to albert_config.json',
                where=self.origin,
            )
        )
        return MULTIPLE_CHOICE.name

    def _notes_on_names(self) -> Iterator[Diagnostic]:
        prefix = self._names[WORDS].removesuffix(WORDS)
        if prefix:
            yield Diagnostic(
                "checkpoint-prefix",
                "note",
                f"the variables are called {prefix}…",
                why="google's have no such prefix",
                where=self.origin,
            )
        idle = len(self._bundle) - len(self._names)
        if idle:
            yield Diagnostic(
                "checkpoint-extra-tensors",
                "note",
                f"{idle} variables of an optimizer are left out",
                why="only google's code needs them, to continue the training",
                where=self.origin,
            )

    def _matrix(self, name: str) -> tuple[int, ...]:
        shape = self.shapes.get(name)
        if shape is None:
            raise FormatError(
                "checkpoint-without-encoder",
                f"there is no variable {name}",
                why="every ALBERT of google's has it",
                fix="Give the whole checkpoint",
                where=self.origin,
            )
        if len(shape) != 2:
            raise FormatError(
                "checkpoint-shape-mismatch",
                f"{name} has the shape {list(shape)}",
                why="it has two axes in every ALBERT",
                fix="Give a checkpoint of an ALBERT",
                where=self.origin,
            )
        return shape

    def _no_albert(self) -> FormatError:
        if any(name.startswith(BERT_LAYER) for name in self._names):
            what, fix = f"there are variables called {BERT_LAYER}…", "Give a BERT in another format"
            why = "this is google's BERT, whose checkpoints are not read"
        else:
            what, fix = f"no variable is called {WORDS}", "Give google's checkpoint of an ALBERT"
            why = f"an ALBERT has one; the file holds {list_names(list(self._bundle)) or 'nothing'}"
        return FormatError("checkpoint-without-encoder", what, why=why, fix=fix, where=self.origin)

    def _duplicate_names_error(self, name: str, there: str) -> FormatError:
        return FormatError(
            "file-malformed",
            f"{self._names[name]} and {there} are both {name}",
            why="one name means one variable",
            fix="Save the checkpoint again, with one of them",
            where=self.origin,
        )


def _set_label_count(config: AlbertConfig, classes: tuple[int, ...]) -> AlbertConfig:
    """The configuration with as many labels as the head has rows; google's says nothing of them."""
    if classes in {(), (0,), (config.num_labels,)}:
        return config
    labels = {number: f"LABEL_{number}" for number in range(classes[0])}
    return replace(config, id2label=MappingProxyType(labels))


def _note_missing_head(name: str, missing: list[str], origin: str) -> Diagnostic:
    return Diagnostic(
        "checkpoint-head-missing",
        "note",
        f"the head {name} lacks {list_names(missing)}",
        why="google's model with that head has it",
        fix="Use the encoder alone, or train the head",
        where=origin,
    )
