"""The names of tensors in Hugging Face's files, of all years, and which heads they make.

Names with another prefix (`module.albert.…`) are read too: the name of the word embeddings shows
the prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from albertkit.errors import Diagnostic, FormatError
from albertkit.errors.exceptions import list_names
from albertkit.fileformats.reader import JsonValue
from albertkit.fileformats.tensors import Tensors
from albertkit.spec import HEADS, AlbertConfig, HeadSpec, parameter_table
from albertkit.spec.heads import MULTIPLE_CHOICE, SEQUENCE_CLASSIFICATION, TOKEN_CLASSIFICATION
from albertkit.spec.parameters import WORD_TABLE


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where a family of models keeps what all of them have.

    encoder: what stands before the encoder's names in a model with a head. predictions: what the
    masked LM head's own names begin with.
    """

    encoder: str
    predictions: str


ALBERT = Dialect("albert.", "predictions.")
# Buffers that transformers 2.x to 4.30 saved: counted from 0, or all zero.
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
# The heads whose parameters are called `classifier`: only the config distinguishes them.
CLASSIFIERS = (SEQUENCE_CLASSIFICATION, TOKEN_CLASSIFICATION, MULTIPLE_CHOICE)


def match_plain_names(
    tensors: Tensors, origin: str, dialect: Dialect = ALBERT
) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
    """Name as of today, without the encoder's prefix → name in the file; ALBERT's are canonical.

    Buffers and the tied decoder's old keys are left out. Raises FormatError
    [checkpoint-without-encoder] where no word embeddings, or more than one, is there.
    """
    prefix, notes = _prefix(tensors, origin, dialect)
    names = {_drop_prefix(_modernize(name), prefix, dialect): name for name in tensors}
    for buffer in BUFFERS:
        names.pop(buffer, None)
    return names, notes + _untie(names, tensors, origin, dialect)


def detect_heads(
    shapes: Mapping[str, tuple[int, ...]], config: AlbertConfig, origin: str
) -> tuple[list[str], tuple[Diagnostic, ...]]:
    """The heads that are there whole; a note for one that is named or begun and not there."""
    claimed = config.extra.get("architectures")
    claims = claimed if isinstance(claimed, list) else []
    bare = {row.name for row in parameter_table(config, pooler=True)}
    heads, notes = [], []
    for spec in HEADS:
        if spec in CLASSIFIERS and spec is not _choose_classifier(claims, shapes):
            continue
        wanted = [r.name for r in parameter_table(config, [spec.name]).stored if r.name not in bare]
        missing = [name for name in wanted if name not in shapes]
        if not missing:
            heads.append(spec.name)
        elif len(missing) < len(wanted) or spec.architecture in claims:
            notes.append(_note_missing_head(spec, missing, origin))
    return heads, tuple(notes)


def _prefix(tensors: Tensors, origin: str, dialect: Dialect) -> tuple[str, tuple[Diagnostic, ...]]:
    """The prefix of the encoder's canonical names in this file."""
    prefixes = [name.removesuffix(WORD_TABLE) for name in tensors if name.endswith(WORD_TABLE)]
    for usual in (dialect.encoder, ""):
        if usual in prefixes:
            return usual, ()
    if len(prefixes) == 1:
        note = Diagnostic(
            "checkpoint-prefix",
            "note",
            f"the encoder's tensors are called {prefixes[0]}…",
            why=f"usual is {dialect.encoder}… or no prefix",
            where=origin,
        )
        return prefixes[0], (note,)
    raise FormatError(
        "checkpoint-without-encoder",
        f"{len(prefixes) or 'no'} tensors are called …{WORD_TABLE}",
        why=f"an encoder has one; the file holds {list_names(list(tensors)) or 'nothing'}",
        fix="Give the directory of a whole ALBERT, not of a head or another model",
        where=origin,
    )


def _modernize(name: str) -> str:
    """The name of a norm's parameter as it is since 2020: TensorFlow's were kept before."""
    for old, new in (("gamma", "weight"), ("beta", "bias")):
        if name.lower().endswith(f"norm.{old}"):
            return name.removesuffix(old) + new
    return name


def _drop_prefix(name: str, prefix: str, dialect: Dialect) -> str:
    """Drop the encoder's prefix; the names of heads are one level outside of it."""
    if name.startswith(prefix):
        return name.removeprefix(prefix)
    return name.removeprefix(prefix.removesuffix(dialect.encoder))


def _untie(
    names: dict[str, str], tensors: Tensors, origin: str, dialect: Dialect
) -> tuple[Diagnostic, ...]:
    """Take the old keys of the tied decoder out of `names`, the bias under its newer name."""
    bias = names.pop(f"{dialect.predictions}decoder.bias", None)
    if bias is not None:
        names.setdefault(f"{dialect.predictions}bias", bias)
    weight = names.pop(f"{dialect.predictions}decoder.weight", None)
    table = names.get(WORD_TABLE)
    if weight is None or table is None or np.array_equal(tensors[weight], tensors[table]):
        return ()
    return (
        Diagnostic(
            "checkpoint-untied",
            "warning",
            f"{weight} differs from the word embeddings {table}, and is left out",
            why="words are predicted with the word embeddings here",
            where=origin,
        ),
    )


def _choose_classifier(claims: list[JsonValue], shapes: Mapping[str, tuple[int, ...]]) -> HeadSpec:
    """By the config's architectures; else by the pooler, which only a token classifier lacks."""
    for spec in CLASSIFIERS:
        if spec.architecture in claims:
            return spec
    return SEQUENCE_CLASSIFICATION if "pooler.weight" in shapes else TOKEN_CLASSIFICATION


def _note_missing_head(spec: HeadSpec, missing: list[str], origin: str) -> Diagnostic:
    return Diagnostic(
        "checkpoint-head-missing",
        "note",
        f"the head {spec.name} lacks {list_names(missing)}",
        why=f"{spec.architecture or 'a model with that head'} has it",
        fix="Use the encoder alone, or train the head",
        where=origin,
    )
