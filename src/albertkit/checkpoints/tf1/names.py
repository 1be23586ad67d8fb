"""The variables of google-research/albert's graph, and the heads that it was fine-tuned with.

In: the names in a checkpoint of TensorFlow 1. Out: rows, canonical name ↔ google's name; and the
usual names of variables that were saved with a prefix or by another library's layer norm.
Source: google-research/albert, modeling.py, classifier_utils.py, race_utils.py, squad_utils.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from albertkit.checkpoints.names import PROJECTION, Row
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import (
    MASKED_LM,
    MULTIPLE_CHOICE,
    QUESTION_ANSWERING,
    SENTENCE_ORDER,
    SEQUENCE_CLASSIFICATION,
    SPAN_SEARCH,
)
from albertkit.spec.parameters import WORD_TABLE, make_layer_prefix

WORDS = "bert/embeddings/word_embeddings"
GROUP = "bert/encoder/transformer/group_{}/inner_group_{}/"
CLASSIFIER = "output_weights"  # [classes, H], at the top level
GLOBAL_STEP = "global_step"
# A norm's scope under the names that libraries give it; a number counts the norms of its scope,
# or those of the whole graph.
NORM = re.compile(r"(?P<scope>.*/)(LayerNorm|layer_normalization|layer_norm)(_(?P<number>\d+))?/")


def _make_dense_rows(canonical: str, foreign: str) -> tuple[Row, ...]:
    return (
        Row(f"{canonical}.weight", f"{foreign}/kernel", "transposed"),
        Row(f"{canonical}.bias", f"{foreign}/bias"),
    )


def _make_norm_rows(canonical: str, foreign: str) -> tuple[Row, ...]:
    return (
        Row(f"{canonical}.weight", f"{foreign}/gamma"),
        Row(f"{canonical}.bias", f"{foreign}/beta"),
    )


def _make_output_rows(canonical: str, scope: str) -> tuple[Row, ...]:
    """A head's last product, whose matrix google keeps as [out, in]."""
    return (
        Row(f"{canonical}.weight", f"{scope}output_weights"),
        Row(f"{canonical}.bias", f"{scope}output_bias"),
    )


EMBEDDINGS = (
    Row(WORD_TABLE, WORDS),
    Row("embeddings.position_embeddings.weight", "bert/embeddings/position_embeddings"),
    Row("embeddings.token_type_embeddings.weight", "bert/embeddings/token_type_embeddings"),
    *_make_norm_rows("embeddings.LayerNorm", "bert/embeddings/LayerNorm"),
)
PROJECTED = _make_dense_rows(PROJECTION, "bert/encoder/embedding_hidden_mapping_in")
POOLER = _make_dense_rows("pooler", "bert/pooler/dense")
HEAD_ROWS: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
        MASKED_LM.name: (
            *_make_dense_rows("predictions.dense", "cls/predictions/transform/dense"),
            *_make_norm_rows("predictions.LayerNorm", "cls/predictions/transform/LayerNorm"),
            Row("predictions.bias", "cls/predictions/output_bias"),
        ),
        SENTENCE_ORDER.name: _make_output_rows(SENTENCE_ORDER.prefix, "cls/seq_relationship/"),
        SEQUENCE_CLASSIFICATION.name: _make_output_rows(SEQUENCE_CLASSIFICATION.prefix, ""),
        MULTIPLE_CHOICE.name: _make_output_rows(
            MULTIPLE_CHOICE.prefix, ""
        ),  # one number for each choice
        QUESTION_ANSWERING.name: _make_output_rows(QUESTION_ANSWERING.prefix, "cls/squad/"),
        SPAN_SEARCH.name: (
            *_make_dense_rows("start_logits.dense", "start_logits/dense"),
            *_make_dense_rows("end_logits.dense_0", "end_logits/dense_0"),
            *_make_norm_rows("end_logits.LayerNorm", "end_logits/LayerNorm"),
            *_make_dense_rows("end_logits.dense_1", "end_logits/dense_1"),
            *_make_dense_rows("answer_class.dense_0", "answer_class/dense_0"),
            Row("answer_class.dense_1.weight", "answer_class/dense_1/kernel", "transposed"),
        ),
    }
)


def list_rows(
    config: AlbertConfig, heads: Iterable[str] = (), *, pooler: bool = True
) -> tuple[Row, ...]:
    """All variables of a model; where E equals H there is no projection."""
    return (
        *EMBEDDINGS,
        *(PROJECTED if config.embedding_size != config.hidden_size else ()),
        *(
            row
            for group in range(config.num_hidden_groups)
            for inner in range(config.inner_group_num)
            for row in _make_layer_rows(group, inner)
        ),
        *(POOLER if pooler else ()),
        *(row for name in heads for row in HEAD_ROWS[name]),
    )


def _make_layer_rows(group: int, inner: int) -> tuple[Row, ...]:
    here, there = make_layer_prefix(group, inner), GROUP.format(group, inner)
    return (
        *_make_dense_rows(f"{here}attention.query", f"{there}attention_1/self/query"),
        *_make_dense_rows(f"{here}attention.key", f"{there}attention_1/self/key"),
        *_make_dense_rows(f"{here}attention.value", f"{there}attention_1/self/value"),
        *_make_dense_rows(f"{here}attention.dense", f"{there}attention_1/output/dense"),
        *_make_norm_rows(f"{here}attention.LayerNorm", f"{there}LayerNorm"),
        *_make_dense_rows(f"{here}ffn", f"{there}ffn_1/intermediate/dense"),
        *_make_dense_rows(f"{here}ffn_output", f"{there}ffn_1/intermediate/output/dense"),
        *_make_norm_rows(f"{here}full_layer_layer_norm", f"{there}LayerNorm_1"),
    )


def list_usual_names(names: Iterable[str]) -> list[tuple[str, str]]:
    """(google's name, the name in the file) of the variables that are a model's.

    Left out: what optimizers keep under a variable's own name (`…/kernel/adam_m`), and the step.
    Prefixes of the whole model (`module/`) go; heads may stand without one.
    """
    all_names = set(names)
    own = sorted(
        name for name in all_names if not _is_slot(name, all_names) and name != GLOBAL_STEP
    )
    prefix = _prefix(own)
    usual = [name.removeprefix(prefix) for name in own]
    norms = _match_norm_names(usual)
    return [(norms.get(name, name), there) for name, there in zip(usual, own, strict=True)]


def _is_slot(name: str, names: set[str]) -> bool:
    """Whether it hangs on another variable's name."""
    return name.rpartition("/")[0] in names


def _prefix(names: Iterable[str]) -> str:
    """The prefix of google's names, taken from the word embeddings; empty if it is ambiguous."""
    prefixes = {name.removesuffix(WORDS) for name in names if f"/{name}".endswith(f"/{WORDS}")}
    return prefixes.pop() if len(prefixes) == 1 else ""


def _match_norm_names(names: Iterable[str]) -> dict[str, str]:
    """Name → google's, for parameters of norms: in each scope by the order of their numbers."""
    norms: dict[str, dict[int, list[str]]] = {}
    for name in names:
        match = NORM.match(name)
        if match:
            number = int(match["number"] or 0)
            norms.setdefault(match["scope"], {}).setdefault(number, []).append(name)
    return {
        name: f"{scope}LayerNorm{f'_{location}' if location else ''}/{name.rpartition('/')[2]}"
        for scope, numbered in norms.items()
        for location, number in enumerate(sorted(numbered))
        for name in numbered[number]
    }
