"""checkpoints/names.py: layouts, and what is said where a tensor is missing or misshaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from tests.support.axes import CONFIG, CONFIG_AXES, random_weights

from albertkit.arrays import FloatArray
from albertkit.checkpoints.names import (
    PROJECTION,
    ForeignArrays,
    Layout,
    Row,
    compute_foreign_shape,
    has_real_projection,
    read_weights,
    to_canonical,
    to_foreign,
)
from albertkit.errors import FormatError
from albertkit.spec import AlbertConfig, Weights

LAYOUTS: tuple[Layout, ...] = ("same", "transposed", "heads_out", "heads_in", "heads_bias")


class Held(dict[str, FloatArray]):
    """Arrays under a file's names."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: array.shape for name, array in self.items()}


def rows_of(weights: Weights, *, without_projection: bool = False) -> list[Row]:
    """Foreign names for all rows; square kernels of attention lie as TensorFlow has them."""
    rows = []
    for parameter in weights.table().stored:
        name = parameter.name
        if without_projection and name.startswith(PROJECTION):
            continue
        layout: Layout = "same"
        if ".attention.dense.weight" in name:
            layout = "heads_in"
        elif any(f".attention.{part}.weight" in name for part in ("query", "key", "value")):
            layout = "heads_out"
        elif any(f".attention.{part}.bias" in name for part in ("query", "key", "value")):
            layout = "heads_bias"
        elif name.endswith("ffn.weight"):
            layout = "transposed"
        rows.append(Row(name, f"file/{name}", layout))
    return rows


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_and_its_inverse_give_the_array_back(layout: Layout) -> None:
    shape = (12,) if layout == "heads_bias" else (12, 12) if "heads" in layout else (12, 20)
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    there = to_foreign(array, layout, 4)
    assert there.shape == compute_foreign_shape(shape, layout, 4)
    np.testing.assert_array_equal(to_canonical(there, layout), array)


def test_a_query_kernel_keeps_its_heads_separate() -> None:
    kernel = np.arange(24, dtype=np.float32).reshape(4, 3, 2)  # [in, A, D]
    weight = to_canonical(kernel, "heads_out")  # [A·D, in]
    for head in range(3):
        np.testing.assert_array_equal(weight[2 * head : 2 * head + 2], kernel[:, head].T)


def test_an_output_kernel_joins_its_heads() -> None:
    kernel = np.arange(24, dtype=np.float32).reshape(3, 2, 4)  # [A, D, out]
    weight = to_canonical(kernel, "heads_in")  # [out, A·D]
    for head in range(3):
        np.testing.assert_array_equal(weight[:, 2 * head : 2 * head + 2], kernel[head].T)


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_weights_laid_out_and_read_again_are_the_same(config: AlbertConfig) -> None:
    weights = random_weights(config, ["masked_lm"], pooler=True)
    laid = ForeignArrays(weights, rows_of(weights))
    held = Held(laid)
    assert held.shapes == laid.shapes
    back = read_weights(held, rows_of(weights), config, ("masked_lm",))
    assert set(back.arrays) == set(weights.arrays)
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array, err_msg=name)


def test_a_format_without_projection_means_the_identity() -> None:
    config = replace(CONFIG, embedding_size=32)
    weights = random_weights(config)
    rows = rows_of(weights, without_projection=True)
    back = read_weights(Held(ForeignArrays(weights, rows)), rows, config)
    np.testing.assert_array_equal(back.arrays[f"{PROJECTION}.weight"], np.eye(32))
    assert has_real_projection(weights)
    assert not has_real_projection(back)


def test_a_missing_tensor_is_named_in_both_namings() -> None:
    weights = random_weights(CONFIG)
    rows = rows_of(weights)
    held = Held(ForeignArrays(weights, rows))
    del held["file/pooler.bias"]
    with pytest.raises(FormatError, match=r"file/pooler.bias \(pooler.bias\)"):
        read_weights(held, rows, CONFIG)


def test_a_misshaped_tensor_is_named_with_the_shape_that_the_file_should_have() -> None:
    weights = random_weights(CONFIG)
    rows = rows_of(weights)
    held = Held(ForeignArrays(weights, rows))
    name = "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"
    held[f"file/{name}"] = np.zeros((32, 32), np.float32)
    with pytest.raises(FormatError, match=r"\[32, 32\].*it has \[32, 4, 8\]"):
        read_weights(held, rows, CONFIG)


def test_what_no_row_gives_is_missed() -> None:
    weights = random_weights(CONFIG)
    rows = [row for row in rows_of(weights) if row.canonical != "pooler.bias"]
    with pytest.raises(FormatError, match=r"pooler.bias"):
        read_weights(Held(ForeignArrays(weights, rows)), rows, CONFIG)
