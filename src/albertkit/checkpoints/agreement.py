"""Check a checkpoint against its config: the shapes, the groups of layers, the vocabulary.

We take the group ⌊layer·G / L⌋ in whole numbers. Those of google's code and of transformers come
out of floating point, which falls below a whole number in some configurations: google's first at
(L 22, G 22), transformers' first at (L 18, G 14). Published models have one group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.errors.exceptions import count_noun, list_names
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import ParameterTable


def check_shapes(
    table: ParameterTable,
    shapes: Mapping[str, tuple[int, ...]],
    origin: str,
    *,
    prefix: str = "",
) -> tuple[str, ...]:
    """Check the shapes of all tensors.

    Args:
        table: the parameters of the config.
        shapes: canonical name → shape.
        origin: the checkpoint's name in messages.
        prefix: the prefix of the canonical names in the file, if it is known.

    Returns:
        The names that are not in the table.

    Raises:
        FormatError: [checkpoint-without-encoder] for missing tensors, [checkpoint-shape-mismatch].
    """
    differs = table.disagreements(shapes)
    if differs.missing:
        names = [f"{prefix}{n} ({n})" if prefix else n for n in differs.missing]
        raise FormatError(
            "checkpoint-without-encoder",
            f"{len(names)} of {count_noun(len(table.stored), 'tensor')} missing: "
            f"{list_names(names)}",
            why=f"the file has {len(shapes)}, such as {list_names(list(shapes), 2)}",
            fix="Give a whole checkpoint, and the config.json that belongs to it",
            where=origin,
        )
    if differs.misshaped:
        name, wanted, shape = differs.misshaped[0]
        others = len(differs.misshaped) - 1
        also = f", and so differ {others} more" if others else ""
        raise FormatError(
            "checkpoint-shape-mismatch",
            f"{name} has the shape {list(shape)}{also}",
            why=f"by its config it has {list(wanted)}",
            fix="Use the config.json that belongs to these weights",
            where=origin,
        )
    return differs.unexpected


def check_config_fields(
    config: AlbertConfig, expected: Mapping[str, object], source: str, where: str
) -> None:
    """Refuse a config that contradicts the tensors of its checkpoint.

    Args:
        config: as the files say.
        expected: fields as the tensors say.
        source: what of the tensors says so, in words.
        where: the config's file.

    Raises:
        FormatError: [checkpoint-shape-mismatch].
    """
    for name, value in expected.items():
        if getattr(config, name) != value:
            raise FormatError(
                "checkpoint-shape-mismatch",
                f"{name} is {getattr(config, name)}",
                why=f"by the {source} it is {value}",
                fix="Use the configuration that belongs to these weights",
                where=where,
            )


def note_ignored_tensors(names: Sequence[str], origin: str) -> Diagnostic:
    """The note on tensors that no part of the model reads, by their names in the file."""
    return Diagnostic(
        "checkpoint-extra-tensors",
        "note",
        f"{count_noun(len(names), 'tensor')} left out: {list_names(names, 6)}",
        why=f"no part of this model reads {'it' if len(names) == 1 else 'them'}",
        where=origin,
    )


# Of every norm of google's encoders; no file says it. Source: google-research/albert, modeling.py
NORM_EPSILON = 1e-12
Rule: TypeAlias = Callable[[int, int, int], int]


def assign_group_by_google(layer: int, layers: int, groups: int) -> int:
    """Source: google-research/albert, modeling.py, transformer_model."""
    return int(layer / layers * groups)


def assign_group_by_transformers(layer: int, layers: int, groups: int) -> int:
    """Source: transformers, modeling_albert.py, AlbertTransformer."""
    return int(layer / (layers / groups))


def describe_other_order(config: AlbertConfig, rule: Rule) -> str | None:
    """The first layer to which a rule gives another group than ours, in words; None: none."""
    layers, groups = config.num_hidden_layers, config.num_hidden_groups
    for layer in range(layers):
        theirs, ours = rule(layer, layers, groups), config.group_of(layer)
        if theirs != ours:
            return f"layer {layer} gets the group {theirs}, where {ours} is right"
    return None


# Word embeddings are padded to a multiple of a power of two, for speed: 128 is the largest seen.
PADDED_TO = 128
BERT_PIECES = 30_522
BERTS = f"{BERT_PIECES} is the size of bert-base-uncased's vocabulary"


def check_pieces(pieces: int, rows: int, *, where: str = "") -> Diagnostic | None:
    """Compare a tokenizer's number of pieces with the rows of a model's word embeddings.

    Args:
        pieces: of the tokenizer.
        rows: of the word embeddings.
        where: the model, in messages.

    Returns:
        A note if the embeddings have a few rows more, as padded ones do; None if the sizes agree.

    Raises:
        InputError: [vocabulary-mismatch] if the two cannot belong together.
    """
    if pieces == rows:
        return None
    what = f"the tokenizer has {pieces:,} pieces, the model's word embeddings {rows:,} rows"
    if pieces < rows < pieces + PADDED_TO:
        return Diagnostic(
            "vocabulary-mismatch",
            "note",
            what,
            why=f"{rows - pieces} rows belong to no piece, as in padded embeddings",
            where=where,
        )
    raise InputError(
        "vocabulary-mismatch",
        what,
        why=_explain_mismatch(pieces, rows),
        fix="Use the tokenizer that was saved with this model",
        where=where,
    )


def _explain_mismatch(pieces: int, rows: int) -> str:
    if pieces == BERT_PIECES:
        return BERTS
    if pieces > rows:
        return "its last pieces have no row"
    return "most of the model's rows would have no piece"
