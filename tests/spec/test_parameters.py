"""THE parameter table: the published counts, and the names and shapes of transformers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from tests.support.axes import CONFIG_AXES

from albertkit.errors import InputError
from albertkit.spec import HEADS, AlbertConfig, HeadSpec, head, parameter_table
from albertkit.spec.presets import preset

# Source: transformers 5.23's classes built on the meta device; the shared layer counts once.
PUBLISHED: list[tuple[tuple[str, ...], bool, tuple[int, int, int, int]]] = [
    ((), True, (11_683_584, 17_683_968, 58_724_864, 222_595_584)),
    ((), False, (11_092_992, 16_634_368, 54_528_512, 205_814_272)),
    (("masked_lm", "sentence_order"), True, (11_813_810, 17_847_474, 59_021_490, 223_158_450)),
    (("masked_lm",), False, (11_221_680, 16_795_824, 54_821_040, 206_368_944)),
    (("sequence_classification",), True, (11_685_122, 17_686_018, 58_728_962, 222_603_778)),
    (("token_classification",), False, (11_094_530, 16_636_418, 54_532_610, 205_822_466)),
    (("question_answering",), False, (11_094_530, 16_636_418, 54_532_610, 205_822_466)),
    (("multiple_choice",), True, (11_684_353, 17_684_993, 58_726_913, 222_599_681)),
]


@pytest.mark.parametrize(("heads", "pooler", "counts"), PUBLISHED)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_counts_are_the_published_ones(
    heads: tuple[str, ...], pooler: bool, counts: tuple[int, ...], version: str
) -> None:
    sizes = ("base", "large", "xlarge", "xxlarge")
    result = [
        parameter_table(preset(f"{size}-{version}"), heads, pooler=pooler).count() for size in sizes
    ]
    assert result == list(counts)


def test_the_shared_layer_counts_once_for_each_group_and_inner_layer() -> None:
    def count(groups: int, inner: int) -> int:
        return parameter_table(
            AlbertConfig(num_hidden_groups=groups, inner_group_num=inner)
        ).count()

    layer = count(2, 1) - count(1, 1)
    assert count(3, 2) - count(1, 1) == 5 * layer


@pytest.mark.parametrize("spec", [s for s in HEADS if s.architecture], ids=lambda spec: spec.name)
@pytest.mark.parametrize("config", CONFIG_AXES)
def test_names_and_shapes_are_those_of_transformers(config: AlbertConfig, spec: HeadSpec) -> None:
    name = spec.architecture or ""
    values: dict[str, Any] = config.to_dict()
    heads = ["masked_lm"] if name == "AlbertForPreTraining" else []
    table = parameter_table(config, [*heads, spec.name])
    with torch.device("meta"):
        model = getattr(transformers, name)(transformers.AlbertConfig(**values))
    shapes = {n.removeprefix("albert."): tuple(p.shape) for n, p in model.state_dict().items()}
    assert not table.disagreements(shapes)
    assert {row.name for row in table} == set(shapes)


def test_a_table_names_what_disagrees() -> None:
    table = parameter_table(AlbertConfig())
    shapes = {row.name: row.shape for row in table}
    del shapes["pooler.bias"]
    shapes["pooler.weight"] = (1, 2)
    shapes["adapter"] = (3,)
    result = table.disagreements(shapes)
    assert result.missing == ("pooler.bias",)
    assert result.unexpected == ("adapter",)
    assert result.misshaped == (("pooler.weight", (4096, 4096), (1, 2)),)


def test_biases_and_norms_do_not_decay() -> None:
    table = parameter_table(AlbertConfig(), ["masked_lm"])
    decaying = {row.name for row in table if row.decays}
    assert all(name.endswith("weight") and "orm" not in name for name in decaying)
    assert "predictions.dense.weight" in decaying


def test_inner_matrices_are_neither_tables_nor_classifiers() -> None:
    table = parameter_table(AlbertConfig(), ["masked_lm", "sentence_order"])
    layer = "encoder.albert_layer_groups.0.albert_layers.0."
    assert table.inner_matrices == {
        "encoder.embedding_hidden_mapping_in.weight",
        *(f"{layer}attention.{part}.weight" for part in ("query", "key", "value", "dense")),
        f"{layer}ffn.weight",
        f"{layer}ffn_output.weight",
        "pooler.weight",
        "predictions.dense.weight",
    }


def test_a_row_is_found_by_its_name() -> None:
    table = parameter_table(AlbertConfig())
    assert table["pooler.bias"].shape == (4096,)
    with pytest.raises(KeyError):
        table["predictions.bias"]


def test_unknown_heads_and_presets_are_refused() -> None:
    with pytest.raises(InputError, match=r"masked_lm.*\[unknown-head\]"):
        head("nonsense")
    with pytest.raises(InputError, match=r"albert-base-v2.*\[unknown-preset\]"):
        preset("base-v3")
