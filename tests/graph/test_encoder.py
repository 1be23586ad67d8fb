"""The graph reads every row of the parameter table, each in its place, on every axis."""

from __future__ import annotations

import pytest
from tests.support.axes import CONFIG_AXES

from albertkit.graph.encoder import emit_encoder, emit_linear_head, emit_masked_lm_head, emit_pooler
from albertkit.spec import AlbertConfig, head, parameter_table
from albertkit.spec.config_values import Activation


class NameEmitter:
    """Writes down which parameters are asked for, and hands around nothing."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def lookup(self, table: str, indices: None) -> None:
        self.names.append(table)

    def add(self, left: None, right: None) -> None:
        pass

    def linear(self, x: None, weight: str, bias: str) -> None:
        self.names += [weight, bias]

    def norm(self, x: None, name: str) -> None:
        self.names += [f"{name}.weight", f"{name}.bias"]

    def activate(self, x: None, kind: Activation) -> None:
        pass

    def attention(self, query: None, key: None, value: None, mask: None) -> None:
        pass


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_the_graph_reads_the_whole_table_and_nothing_else(config: AlbertConfig) -> None:
    emit = NameEmitter()
    emit_encoder(emit, config, ids=None, type_ids=None, positions=None, mask=None)
    emit_pooler(emit, None)
    emit_masked_lm_head(emit, config, None)
    emit_linear_head(emit, head("sentence_order"), None)
    reached = {config.group_of(layer) for layer in range(config.num_hidden_layers)}
    table = parameter_table(config, ["masked_lm", "sentence_order"])
    rows = [row.name for row in table.stored if row.group is None or row.group in reached]
    assert set(emit.names) == set(rows)


def test_the_layers_of_a_group_run_one_after_another_before_the_next_repetition() -> None:
    config = AlbertConfig(
        num_hidden_layers=5, num_hidden_groups=2, inner_group_num=2, hidden_size=64
    )
    emit = NameEmitter()
    emit_encoder(emit, config, ids=None, type_ids=None, positions=None, mask=None)
    order = [
        (int(name.split(".")[2]), int(name.split(".")[4]))
        for name in emit.names
        if name.endswith("ffn.weight")
    ]
    repetitions = [0, 0, 0, 1, 1]  # ⌊layer · 2 / 5⌋
    assert order == [(group, inner) for group in repetitions for inner in (0, 1)]


def test_what_follows_the_last_attention_is_computed_where_it_is_read() -> None:
    config = AlbertConfig(num_hidden_layers=3, hidden_size=64)
    emit = NameEmitter()
    emit_encoder(
        emit,
        config,
        ids=None,
        type_ids=None,
        positions=None,
        mask=None,
        read=lambda _: emit.names.append("read"),
    )
    prefix = "encoder.albert_layer_groups.0.albert_layers.0."
    after = ("attention.dense", "attention.LayerNorm", "ffn", "ffn_output", "full_layer_layer_norm")
    expected = [f"{prefix}{name}.{part}" for name in after for part in ("weight", "bias")]
    assert emit.names[-12:] == ["read", "read", *expected]
    assert emit.names.count("read") == 2
